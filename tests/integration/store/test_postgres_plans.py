"""Plans that were made while the tables were empty serve big ones, too."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from ringtrace.domain.notice import Delivery, DeliveryState, Event, Recipient, Try, tried
from ringtrace.domain.visit import HitKind
from ringtrace.services.commands import BeginTry, KeepReport, KeepTry, NoteRecording, SendAgain
from ringtrace.store.evidence import MOST_CALLS
from ringtrace.store.postgres.store import PostgresStore
from ringtrace.store.tags import MOST_EARLIER
from tests.postgres import Postgres
from tests.stores import AUDIO, CALLER, NOW, POOL, SIP, arrival, report, setup, sign, view

ROWS = 3_000
FEW = 64
"""Rows that a batch of one command may read of a table, over all that it does with it."""


async def read(store: PostgresStore, url: str, table: str) -> int:
    """Rows of the table that were looked at so far."""
    for holder in store._writers._holders:  # type: ignore[attr-defined]  # asyncpg's own
        if holder._con is not None:
            await holder._con.execute("SELECT pg_stat_force_next_flush()")
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = $1",
                table,
            )
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("table", ["visits", "calls", "credits"])
async def test_a_command_reads_no_more_rows_than_it_needs(postgres: Postgres, table: str) -> None:
    url = await postgres.database()
    store = await PostgresStore.open(url)
    await store.submit(setup())
    # Plans are made now.
    await store.submit(view(0))
    await store.submit(sign(HitKind.BEAT, 0, NOW))
    await store.submit(arrival("0"))
    await store.submit(report("0"))
    await asyncio.gather(*(store.submit(view(n)) for n in range(1, ROWS)))
    await asyncio.gather(*(store.submit(report(str(n))) for n in range(1, ROWS)))
    before = await read(store, url, table)

    await store.submit(sign(HitKind.BEAT, 7, NOW + 5))
    await store.submit(report("7"))
    await store.submit(arrival("8"))
    found = await read(store, url, table) - before
    await store.close()

    assert found <= FEW


HOOK = Recipient(1, "https://crm.example.com/hook", (Event.ANSWERED,))


def told(number: int) -> KeepReport:
    """A call with the notice of it."""
    call = str(number)
    notice = Delivery(
        1, call, HOOK.recipient_id, Event.ANSWERED, NOW, DeliveryState.PENDING, NOW, SIP, call
    )
    return replace(report(call), notices=(notice,))


async def test_a_notice_is_found_among_many(postgres: Postgres) -> None:
    url = await postgres.database()
    store = await PostgresStore.open(url)
    await store.submit(replace(setup(), recipients=(HOOK,)))
    # Plans are made now.
    await deliver(store, 0)
    await asyncio.gather(*(store.submit(told(n)) for n in range(1, ROWS)))
    before = await read(store, url, "deliveries")

    await deliver(store, 7)
    await store.submit(NoteRecording(1, SIP, "8", AUDIO))
    found = await read(store, url, "deliveries") - before
    await store.close()

    assert found <= FEW


async def deliver(store: PostgresStore, number: int) -> None:
    await store.submit(told(number))
    await store.submit(NoteRecording(1, SIP, str(number), AUDIO))
    taken = await store.submit(BeginTry(1, str(number), NOW, NOW + 1))
    assert taken is not None
    one = Try(NOW, 0.1)
    await store.submit(KeepTry(1, tried(taken, one, 0.5), one))
    assert await store.submit(SendAgain(1, (str(number),), NOW)) == 1


ASKED = 2_000
"""Visits that were shown the number, and calls of theirs with ten credits each."""

_EACH = "FROM generate_series(1, $3::bigint) g WHERE $1::bigint > 0 AND $2::text <> ''"
_VISITS = f"""
INSERT INTO visits (account_id, visit_id, visitor_id, site_key, started_at, seen_at, device,
  channel, number)
SELECT 1, lpad(g::text, 32, '0'), 'v' || g, 'site1', $1 - g, $1 - g, 'desktop', 'Email', $2 {_EACH}
"""
_EXPOSURES = f"""
INSERT INTO exposures (account_id, number, shown_at, visit_id)
SELECT 1, $2, $1 - g, lpad(g::text, 32, '0') {_EACH}
"""
_CALLS = f"""
INSERT INTO calls (account_id, gateway, call_id, number, caller, started_at, basis, model, unknown)
SELECT 1, 'sip', 'c' || g, $2, 'x' || g, $1 - g, 'exposures', 'm', 0 {_EACH}
"""
_CREDITS = """
INSERT INTO credits (account_id, gateway, call_id, position, visit_id, probability, channel, source)
SELECT 1, 'sip', 'c' || g, place, lpad(g::text, 32, '0'), 0.1, 'Email', '{"channel": "Email"}'
FROM generate_series(1, $3::bigint) g, generate_series(1, 10) place
WHERE $1::bigint > 0 AND $2::text <> ''
"""


async def test_a_ringing_call_reads_what_it_asks_for_once(postgres: Postgres) -> None:
    """In time, also when the planner knows nothing of the tables and takes few rows for granted."""
    url = await postgres.database()
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO accounts VALUES (1, 'A', 'US')")
    for statement in (_VISITS, _EXPOSURES, _CALLS, _CREDITS):
        await connection.execute(statement, NOW, POOL[0], ASKED)
    await told_all(connection)
    before = await looked_at(url)

    store = await PostgresStore.open(url)
    found = await store.evidence(1, POOL[0], CALLER, NOW)
    await store.close()

    assert len(found.candidates) == ASKED
    assert sum(one.called for one in found.candidates) == pytest.approx(MOST_CALLS)
    # Exposures, visits, calls and ten credits of each: no row is looked at twice.
    assert await looked_at(url) - before <= (1 + 1 + 1 + 10) * ASKED + FEW


async def told_all(connection: asyncpg.Connection) -> None:
    """A session that ends tells what it did some time after its client has gone."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.close()


async def looked_at(url: str) -> int:
    """Rows of all tables that were looked at so far."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
            )
        )
    finally:
        await connection.close()


_TAGS = """
INSERT INTO call_tags (account_id, gateway, call_id, tag, made_at)
SELECT 1, 'sip', 'c' || g, 'vip', $1 FROM generate_series(1, $2::bigint) g
"""


async def test_the_tags_of_a_busy_caller_are_looked_up_by_his_calls(postgres: Postgres) -> None:
    """However many others have been tagged in the account."""
    url = await postgres.database()
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO accounts VALUES (1, 'A', 'US')")
    await connection.execute(_CALLS, NOW, POOL[0], MOST_EARLIER)
    await connection.execute("UPDATE calls SET caller = 'busy' WHERE account_id = 1")
    await connection.execute(_TAGS, NOW, 50 * MOST_EARLIER)
    await connection.execute("ANALYZE")
    await told_all(connection)
    before = await looked_at(url)

    store = await PostgresStore.open(url)
    history = await store.caller_history(1, "busy", NOW)
    await store.close()

    assert history.tags == ("vip",)
    assert await looked_at(url) - before <= 4 * MOST_EARLIER
