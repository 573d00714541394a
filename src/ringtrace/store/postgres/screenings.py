"""What rules did to calls, and what came of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from ringtrace.services.spam_records import Screening, SpamMark
from ringtrace.store import screenings
from ringtrace.store.credits import Key
from ringtrace.store.postgres import listings
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet

SCREENED: Final = (
    f"(SELECT ROW({screenings.SCREENING_COLUMNS}) FROM screenings s"
    " WHERE s.account_id = c.account_id AND s.gateway = c.gateway AND s.call_id = c.call_id)"
)
MARKED: Final = (
    f"(SELECT ROW({screenings.MARK_COLUMNS}) FROM spam_marks m"
    " WHERE m.account_id = c.account_id AND m.gateway = c.gateway AND m.call_id = c.call_id"
    " ORDER BY m.marked_at DESC LIMIT 1)"
)
"""Both of a call `c`, as `ringtrace.store.screenings` reads them."""

KNOWN: Final = (
    f"SELECT c.account_id, c.gateway, c.call_id, {SCREENED}, {MARKED}"
    f" FROM calls c JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('c')}"
)
"""Of calls whose rows are locked: a statement that waits for a lock sees what was before."""

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


async def known(connection: Connection, keys: Collection[Key]) -> Mapping[Key, Known]:
    """Of calls whose rows are locked."""
    if not keys:
        return {}
    found = await connection.fetch(KNOWN, *CALL_KEY.arrays(sorted(keys)))
    return {
        (account_id, gateway, call): (screenings.screening(screened), screenings.mark(marked))
        for account_id, gateway, call, screened, marked in found
    }


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
