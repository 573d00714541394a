"""The list of callers: who is blocked, asked or trusted, since when and by whom.

Who changes it takes the account's row first: what stands in the list of a pattern is then known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ringtrace.domain.blocklist import Listing
from ringtrace.services.commands import ListCallers, UnlistCaller
from ringtrace.services.errors import RefusedError
from ringtrace.services.spam_records import ListingFilter, ListingPage
from ringtrace.store import listings as entries
from ringtrace.store.filters import joined
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers
from ringtrace.store.postgres.rowset import RowSet, of_account, storable
from ringtrace.store.postgres.slots import numbered

Named = tuple[int, str]
"""Account and pattern."""

_NAMED = RowSet({"account_id": "bigint", "pattern": "text"}, 2)
_LOCK = (
    "SELECT 1 FROM accounts a WHERE a.account_id = ANY($1) ORDER BY a.account_id FOR NO KEY UPDATE"
)
_NEWEST = (
    "SELECT DISTINCT ON (l.account_id, l.pattern) l.account_id, l.removed_at, l.removed_by,"
    f" {entries.LISTING_COLUMNS} FROM listed_callers l JOIN {_NAMED.unnested}"
    f" ON {_NAMED.matching('l')} ORDER BY l.account_id, l.pattern, l.added_at DESC"
)

_REMOVED = RowSet({**_NAMED.types, "removed_at": "bigint", "removed_by": "text"}, 2)
_REMOVE = (
    "UPDATE listed_callers l SET removed_at = u.removed_at, removed_by = u.removed_by"
    f" FROM {_REMOVED.unnested} WHERE {_REMOVED.matching('l')} AND l.removed_at IS NULL"
)

_ADDED = RowSet(
    {
        **_NAMED.types,
        "added_at": "bigint",
        "treatment": "text",
        "note": "text",
        "added_by": "text",
        "by_gate": "boolean",
        "removed_at": "bigint",
        "removed_by": "text",
    },
    3,
)
_ADD = f"{_ADDED.inserted_into('listed_callers')} DO NOTHING"

IN_EFFECT = (
    f"SELECT l.account_id, {entries.LISTING_COLUMNS} FROM listed_callers l"
    " WHERE l.removed_at IS NULL ORDER BY l.account_id, l.pattern"
)
"""Of all accounts."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`is_kept`: it stands in the table already."""

    listing: Listing
    removed_at: int | None = None
    removed_by: str | None = None
    is_kept: bool = True


class _Book:
    """The newest entry of each pattern at hand, and what is changed of them until it is written."""

    def __init__(self, newest: Mapping[Named, _Entry]) -> None:
        self._newest = dict(newest)
        self._added: list[tuple[Named, _Entry]] = []
        self._removed: list[tuple[object, ...]] = []

    @classmethod
    async def open(cls, connection: Connection, named: Iterable[Named]) -> "_Book":
        wanted = sorted({(account_id, storable(pattern)) for account_id, pattern in named})
        await connection.execute(_LOCK, sorted({account_id for account_id, _ in wanted}))
        return cls(
            {
                (account_id, listing.pattern): _Entry(listing, removed_at, removed_by)
                for account_id, removed_at, removed_by, *said in await connection.fetch(
                    _NEWEST, *_NAMED.arrays(wanted)
                )
                for listing in (entries.listing(said),)
            }
        )

    def said(self, account_id: int, pattern: str) -> Listing | None:
        """What is in effect."""
        entry = self._newest.get((account_id, storable(pattern)))
        return None if entry is None or entry.removed_at is not None else entry.listing

    def put(self, account_id: int, one: Listing) -> None:
        """In place of what is said of the pattern now."""
        self.remove(account_id, one.pattern, one.added_at, one.added_by)
        named = account_id, storable(one.pattern)
        before = self._newest.get(named)
        if before is not None:
            self._settle(named, before)
            # Of one millisecond each still has a moment of its own.
            one = replace(one, added_at=max(one.added_at, 1 + before.listing.added_at))
        self._newest[named] = _Entry(one, is_kept=False)

    def remove(self, account_id: int, pattern: str, at: int, by: str | None) -> bool:
        named = account_id, storable(pattern)
        entry = self._newest.get(named)
        if entry is None or entry.removed_at is not None:
            return False
        self._newest[named] = replace(entry, removed_at=at, removed_by=by)
        if entry.is_kept:
            self._removed.append((*named, at, by))
        return True

    def _settle(self, named: Named, entry: _Entry) -> None:
        if not entry.is_kept:
            self._added.append((named, entry))

    async def write(self, connection: Connection) -> None:
        for named, entry in self._newest.items():
            self._settle(named, entry)
        if self._removed:
            await connection.execute(_REMOVE, *_REMOVED.arrays(self._removed))
        if self._added:
            added = [
                (*named, one.listing.added_at, one.listing.treatment.value, one.listing.note,
                 one.listing.added_by, one.listing.by_gate, one.removed_at, one.removed_by)
                for named, one in self._added
            ]  # fmt: skip
            await connection.execute(_ADD, *_ADDED.arrays(added))


async def list_callers(connection: Connection, commands: Sequence[ListCallers]) -> list[None]:
    book = await _Book.open(
        connection,
        ((command.account_id, one.pattern) for command in commands for one in command.listings),
    )
    for command in commands:
        for one in command.listings:
            if entries.is_news(book.said(command.account_id, one.pattern), one):
                book.put(command.account_id, one)
    await book.write(connection)
    return [None] * len(commands)


async def unlist_callers(
    connection: Connection, commands: Sequence[UnlistCaller]
) -> Sequence[RefusedError | None]:
    book = await _Book.open(connection, ((one.account_id, one.pattern) for one in commands))
    results = [
        None
        if book.remove(one.account_id, one.pattern, one.removed_at, one.removed_by)
        else entries.not_listed()
        for one in commands
    ]
    await book.write(connection)
    return results


async def trust(connection: Connection, passed: Sequence[tuple[int, str, int]]) -> None:
    """Callers who passed the gate: account, number, when. What a person says otherwise stands."""
    if not passed:
        return
    book = await _Book.open(connection, ((account_id, caller) for account_id, caller, _ in passed))
    for account_id, caller, at in passed:
        one = entries.trusted(book.said(account_id, caller), caller, at)
        if one is not None:
            book.put(account_id, one)
    await book.write(connection)


async def listings(
    connection: Connection, account_id: int, where: ListingFilter, limit: int, offset: int
) -> ListingPage:
    slots = numbered()
    matches, values = joined(entries.of_listings(account_id, where), slots)
    total = await connection.fetchval(
        f"SELECT count(*) FROM listed_callers l WHERE {matches}", *values
    )
    found = await connection.fetch(
        f"SELECT {of_account(entries.RECORD_COLUMNS)} FROM listed_callers l WHERE {matches}"
        f" {entries.newest_first(where)} LIMIT {next(slots)} OFFSET {next(slots)}",
        *values,
        limit,
        offset,
    )
    return ListingPage(tuple(entries.record(row) for row in found), total)


HANDLERS: Handlers = {ListCallers: list_callers, UnlistCaller: unlist_callers}
