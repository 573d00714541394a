"""What rules did to calls, and what came of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from ringtrace.services.spam_records import Screening, SpamMark
from ringtrace.store import screenings
from ringtrace.store.credits import Key
from ringtrace.store.postgres import listings
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet
from ringtrace.store.rows import Row

_SCREENED: Final = (
    f"(SELECT json_build_array({screenings.SCREENING_COLUMNS}) FROM screenings s WHERE {{}}"
    " AND s.account_id = c.account_id AND s.gateway = c.gateway AND s.call_id = c.call_id)"
)
_MARKED: Final = (
    f"(SELECT json_build_array({screenings.MARK_COLUMNS}) FROM spam_marks m WHERE {{}}"
    " AND m.account_id = c.account_id AND m.gateway = c.gateway AND m.call_id = c.call_id"
    " ORDER BY m.marked_at DESC LIMIT 1)"
)

SPAM: Final = f"{_SCREENED.format('s.account_id = $1')}, {_MARKED.format('m.account_id = $1')}"
"""What rules did to a call `c` of the account $1, and what users say, for `judged`."""

_KNOWN: Final = (
    "SELECT c.account_id, c.gateway, c.call_id,"
    f" {_SCREENED.format('s.account_id = ANY($1)')}, {_MARKED.format('m.account_id = ANY($1)')}"
    f" FROM calls c JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('c')}"
)

_SCREENINGS = RowSet(
    {
        **CALL_KEY.types,
        "rule": "text",
        "evidence": "text",
        "pattern": "text",
        "listed_at": "bigint",
        "listed_by": "text",
        "passage": "text",
    },
    3,
)
_KEEP = f"{_SCREENINGS.inserted_into('screenings')} DO UPDATE SET passage = excluded.passage"

Known: TypeAlias = tuple[Screening | None, SpamMark | None]


def judged(screened: str | None, marked: str | None) -> Known:
    """From SPAM."""
    return screenings.screening(_row(screened)), screenings.mark(_row(marked))


async def known(connection: Connection, keys: Collection[Key]) -> Mapping[Key, Known]:
    """Of calls whose rows are locked: a statement that waits for a lock sees what was before."""
    return {
        key: (screenings.screening(screened), screenings.mark(marked))
        for key, (screened, marked) in (await kept(connection, keys)).items()
    }


async def kept(
    connection: Connection, keys: Collection[Key]
) -> Mapping[Key, tuple[Row | None, Row | None]]:
    """As `known`, in the columns of `ringtrace.store.screenings`."""
    if not keys:
        return {}
    found = await connection.fetch(_KNOWN, *CALL_KEY.arrays(sorted(keys)))
    return {
        (account_id, gateway, call): (_row(screened), _row(marked))
        for account_id, gateway, call, screened, marked in found
    }


def _row(said: str | None) -> Row | None:
    return None if said is None else msgspec.json.decode(said, type=tuple)


UNKNOWN: Final[Known] = (None, None)


def is_spam(before: Known, told: Sequence[screenings.Told]) -> bool:
    """Whether the call is, after these reports."""
    known, said = before
    return screenings.is_spam_by(screenings.followed(known, told)[0], said)


async def follow(
    connection: Connection,
    told: Mapping[Key, Sequence[screenings.Told]],
    before: Mapping[Key, Known],
) -> None:
    """Keep what reports say came of the rules, and trust who passed."""
    made: dict[Key, Screening] = {}
    trusted: list[tuple[int, str, int]] = []
    for key, some in told.items():
        known, _ = before.get(key, UNKNOWN)
        after, passed = screenings.followed(known, some)
        if after is not None and after != known:
            made[key] = after
        trusted += [(key[0], *one) for one in passed]
    await keep(connection, made)
    await listings.trust(connection, trusted)


async def keep(connection: Connection, made: Mapping[Key, Screening]) -> None:
    """In place of what was known of the calls."""
    if made:
        found = [
            (*key, one.rule.value, one.evidence, one.pattern, one.listed_at, one.listed_by,
             one.passage and one.passage.value)
            for key, one in sorted(made.items(), key=lambda item: item[0])
        ]  # fmt: skip
        await connection.execute(_KEEP, *_SCREENINGS.arrays(found))
