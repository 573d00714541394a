"""The rows that a batch of hits comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ringtrace.domain.extension import next_turn
from ringtrace.domain.leasing import Lease
from ringtrace.domain.moment import day_of
from ringtrace.domain.visit import HitKind, Visit
from ringtrace.store import rows
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.hit_statements import Row, write_apart, write_in_one
from ringtrace.store.postgres.rowset import storable

PoolKey: TypeAlias = tuple[int, str]
"""Account and site."""

_VisitKey: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Move:
    """A pool goes from one version to the next; `log` says how where others want to know.

    What is older than `trim` goes from the log.
    """

    was: int
    now: int
    log: str | None
    at: int
    trim: int | None


@dataclass(slots=True)
class _Signs:
    """The last signs of a visit in the batch."""

    seen_at: int
    left_at: int | None = None
    contact_at: int | None = None
    tapped_at: int | None = None


@dataclass(slots=True)
class HitRows:
    """New visits with their exposures, and signs of visits, each visit once.

    `_days` are those of what is written, but for visits that began earlier.
    """

    _visits: dict[_VisitKey, Row] = field(default_factory=dict)
    _signs: dict[_VisitKey, _Signs] = field(default_factory=dict)
    _hits: list[Row] = field(default_factory=list)
    _turns: dict[tuple[int, str], int] = field(default_factory=dict)
    _days: set[tuple[int, int]] = field(default_factory=set)

    def begin(self, account_id: int, visit: Visit, lease: Lease, at: int) -> None:
        """A visit is leased its number at `at`, ms since 1970 UTC."""
        key = account_id, visit.visit_id
        self._visits[key] = (*_begun_row(account_id, visit, lease), at)
        self._signs[key] = _Signs(visit.started_at)
        self._days.add((account_id, day_of(at)))
        if lease.given and lease.extension is not None:
            self._turns[account_id, lease.number] = next_turn(lease.extension)

    def note(self, account_id: int, visit_id: str, kind: HitKind, path: str, at: int) -> None:
        """A hit of a visit; if there is no such visit, nothing is written."""
        key = account_id, visit_id
        self._days.add((account_id, day_of(at)))
        signs = self._signs.get(key)
        if signs is None:
            signs = self._signs[key] = _Signs(at)
        # Coming back is worth a row: a later look at an earlier moment must know of it.
        left, fresh = signs.left_at is not None, key in self._visits
        if kind is not HitKind.BEAT or left or not fresh:
            returned = kind is HitKind.BEAT and not left
            self._hits.append(
                (account_id, visit_id, at, kind.value, storable(path), fresh, returned)
            )
        signs.seen_at = max(signs.seen_at, at)
        signs.left_at = at if kind is HitKind.LEAVE else None
        if kind is HitKind.CONTACT:
            signs.contact_at = at
        elif kind is HitKind.TAP:
            signs.tapped_at = at

    async def write(
        self, connection: Connection, moves: Mapping[PoolKey, Move], *, in_one: bool
    ) -> bool:
        """Write all if every pool still has the version it was known by, else nothing.

        `in_one`: by one statement.
        """
        tables: dict[str, Sequence[Row]] = {
            "pools": [(*key, *_move(moves[key])) for key in sorted(moves)],
            "begun": [(*row, *_signs_row(self._signs[key])) for key, row in self._visits.items()],
            "turns": [(*key, turn) for key, turn in sorted(self._turns.items())],
            "hits": self._hits,
            "signs": [
                (*key, *_signs_row(one))
                for key, one in sorted(self._signs.items())
                if key not in self._visits
            ],
            "days": sorted(self._days),
        }
        accounts = sorted({account_id for account_id, _ in moves})
        write = write_in_one if in_one else write_apart
        return await write(connection, accounts, tables)


def _begun_row(account_id: int, visit: Visit, lease: Lease) -> Row:
    row = rows.visit_row(account_id, visit, lease)
    return tuple(storable(one) if isinstance(one, str) else one for one in row)


def _move(one: Move) -> Row:
    return one.was, one.now, one.log, one.at, one.trim


def _signs_row(one: _Signs) -> Row:
    return one.seen_at, one.left_at, one.contact_at, one.tapped_at
