"""Statements stay on the shards of their accounts; every other test of this folder counts on it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from ringtrace.domain.account import TokenKind
from ringtrace.domain.visit import HitKind
from ringtrace.services.call_records import CallFilter
from ringtrace.services.commands import AddTag, AddToken
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.migration import PARTITIONS
from ringtrace.store.postgres.routing import Shards
from ringtrace.store.postgres.store import PostgresStore
from tests.integration.store.conftest import as_distributed
from tests.postgres import Postgres
from tests.shards import Touch, watching
from tests.stores import CALLER, NOW, SIP, arrival, report, setup, shown, sign, view

ACCOUNTS = range(1, 5)


async def test_a_ringing_call_and_a_hit_touch_the_shards_of_their_account(
    postgres: Postgres, touched: list[Touch]
) -> None:
    """The rows of several accounts lie on several shards, so that a look too far is a loop more."""
    store = await PostgresStore.open(await postgres.database(partitioned=True))
    for one in ACCOUNTS:
        numbers = tuple(f"+1202555{one}{n:03d}" for n in range(3))
        await store.submit(setup(one, numbers, extensions_above=0.1))
        for n in range(5):
            await shown(store, view(n, NOW + n, account_id=one))
            await store.submit(sign(HitKind.LEAVE, n, NOW + 20, account_id=one))
        await store.submit(arrival("a", account_id=one, number=numbers[0]))
        await store.submit(report("a", account_id=one, number=numbers[0]))
    del touched[:]

    await store.submit(view(9, NOW + 30))
    await store.submit(sign(HitKind.BEAT, 9, NOW + 31))
    await store.submit(arrival("b", started_at=NOW + 32))
    await store.submit(arrival("b", started_at=NOW + 32, digits="4217"))
    await store.submit(report("b", started_at=NOW + 32))
    await store.evidence(1, "+12025551000", CALLER, NOW + 10, "4217")
    await store.caller_history(1, CALLER, NOW + 10)
    await store.call(1, SIP, "a")
    await store.calls(1, CallFilter(channel="Email"), 10, 0)
    await store.submit(AddToken(1, TokenKind.SIP, "t", NOW))
    await store.tokens(1)
    await store.close()

    of_one = [one for one in touched if one.accounts == {1}]
    tables = {table for one in of_one for table in one.partitions or ()}
    assert {len(some) for one in of_one for some in (one.partitions or {}).values()} == {1}
    assert tables >= {
        "accounts", "calls", "call_reports", "credits", "exposures", "hits", "pools", "tokens",
        "visits",
    }  # fmt: skip


async def test_a_ringing_call_asks_for_its_callers_history_in_one_round_trip(
    postgres: Postgres, touched: list[Touch]
) -> None:
    store = await PostgresStore.open(await postgres.database(partitioned=True))
    await store.submit(setup())
    await store.submit(report("a"))
    await store.submit(AddTag(1, SIP, "a", "vip", NOW, None))
    del touched[:]

    history = await store.caller_history(1, CALLER, NOW + 10)
    await store.close()

    assert (history.called_before, history.tags) == (True, ("vip",))
    assert len(touched) == 1


@pytest.mark.parametrize(
    ("statement", "strays"),
    [
        ("SELECT 1 FROM calls WHERE call_id = $2 OR account_id = $1", True),
        ("SELECT 1 FROM calls WHERE account_id = $1 AND call_id = $2", False),
        (
            "SELECT 1 FROM calls WHERE account_id = $1 UNION SELECT 1 FROM visits WHERE $2 = ''",
            True,
        ),
    ],
)
async def test_a_statement_that_looks_everywhere_is_seen(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, statement: str, *, strays: bool
) -> None:
    with watching(monkeypatch) as seen:
        connection = await asyncpg.connect(await postgres.database(partitioned=True))
        await connection.fetch(statement, 1, "")
        await connection.close()

    (one,) = seen
    assert one.strays is strays
    assert max(map(len, (one.partitions or {}).values())) == (PARTITIONS if strays else 1)


async def test_what_cannot_be_explained_is_not_taken_for_good(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(monkeypatch) as seen:
        connection = await asyncpg.connect(await postgres.database(partitioned=True))
        await connection.execute("SELECT 1; SELECT 2")
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.execute("SELECT 1 FROM nothing")
        await connection.close()

    assert [one.strays for one in seen] == [True]


async def test_accounts_that_lie_together_no_longer_are_divided_and_asked_for_anew(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_distributed(monkeypatch)
    store = await PostgresStore.open(await postgres.database(partitioned=True))
    answers = {one: iter((0, one)) for one in ACCOUNTS}

    async def ask(account_id: int) -> int:
        return next(answers[account_id])

    store._router = Shards(ask)
    for one in ACCOUNTS:
        await store.submit(setup(one, (f"+1202555{one}000",)))
    (group,) = store._groups.values()
    write = group._hits._write

    async def refuse(
        connection: Connection, commands: Sequence[Any], *, again: bool
    ) -> Sequence[Any]:
        if len({one.account_id for one in commands}) > 1:
            raise asyncpg.FeatureNotSupportedError("FOR UPDATE over several shards")
        return await write(connection, commands, again=again)

    group._hits._write = refuse
    numbers = await asyncio.gather(*(shown(store, view(1, account_id=one)) for one in ACCOUNTS))
    again = [await shown(store, view(1, NOW + 1, account_id=one)) for one in ACCOUNTS]
    await store.close()

    assert [one.number for one in numbers] == [f"+1202555{one}000" for one in ACCOUNTS]
    assert again == numbers
    assert [next(rest, None) for rest in answers.values()] == [None] * len(ACCOUNTS)
