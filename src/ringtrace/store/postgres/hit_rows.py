"""The rows that a batch of hits comes to, written by one statement.

`account_id = ANY($1)` stands beside every table and the account's own row in every insert, so that
the statement can be sent to the node that keeps these accounts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ringtrace.domain.extension import next_turn
from ringtrace.domain.leasing import Lease
from ringtrace.domain.visit import HitKind, Visit
from ringtrace.services.lake import DAY_MS, Part, day_of
from ringtrace.store import rows
from ringtrace.store.marks import new_mark
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import storable, unnested

PoolKey: TypeAlias = tuple[int, str]
"""Account and site."""

_VisitKey: TypeAlias = tuple[int, str]
_Row: TypeAlias = tuple[object, ...]

_POOLS: Final = ("bigint", "text", "bigint", "bigint", "text", "bigint", "bigint")
_BEGUN: Final = (
    "bigint", "text", "text", "text", "bigint", "bigint", *("text",) * 13, *("bigint",) * 5,
)  # fmt: skip
_TURNS: Final = ("bigint", "text", "integer")
_HITS: Final = ("bigint", "text", "bigint", "text", "text", "boolean", "boolean")
_SIGNS: Final = ("bigint", "text", "bigint", "bigint", "bigint", "bigint")
_DAYS: Final = ("bigint", "bigint")
_TABLES: Final = (_POOLS, _BEGUN, _TURNS, _HITS, _SIGNS, _DAYS)
_MARK: Final = f"${2 + sum(map(len, _TABLES))}"


def _unnested() -> list[str]:
    """Each of _TABLES as rows, made of one array a column; $1 are the accounts."""
    found, slot = [], 2
    for types in _TABLES:
        found.append(unnested(types, slot))
        slot += len(types)
    return found


_pools, _begun, _turns, _hits, _signs, _days = _unnested()

# Versions are compared and pools locked first; all else is done only if every version is as it was.
# Days are marked last, so that servers that write for one account wait for each other in one order.
_WRITE: Final = f"""
WITH held AS (
  SELECT p.version FROM pools p
  JOIN {_pools} u (account_id, site_key, was, now, log, at, trim)
    ON u.account_id = p.account_id AND u.site_key = p.site_key
  WHERE p.account_id = ANY($1) AND p.version = u.was
  ORDER BY p.account_id, p.site_key FOR UPDATE OF p
), ok AS (
  SELECT count(*) = cardinality($2) AS yes FROM held
), moved AS (
  UPDATE pools p SET version = u.now
  FROM {_pools} u (account_id, site_key, was, now, log, at, trim), ok
  WHERE ok.yes AND p.account_id = u.account_id AND p.site_key = u.site_key
    AND p.account_id = ANY($1) AND u.now > u.was
), logged AS (
  INSERT INTO pool_log (account_id, site_key, version, entries, at)
  SELECT t.account_id, u.site_key, u.now, u.log::json, u.at
  FROM accounts t JOIN {_pools} u (account_id, site_key, was, now, log, at, trim)
    ON u.account_id = t.account_id, ok
  WHERE ok.yes AND t.account_id = ANY($1) AND u.log IS NOT NULL
), trimmed AS (
  DELETE FROM pool_log l
  USING {_pools} u (account_id, site_key, was, now, log, at, trim), ok
  WHERE ok.yes AND l.account_id = u.account_id AND l.site_key = u.site_key
    AND l.account_id = ANY($1) AND l.version <= u.trim
), begun AS (
  SELECT u.* FROM {_begun} u (account_id, visit_id, visitor_id, site_key, started_at, begun_at,
    device, channel, source, medium, campaign, term, content, click_id_type, click_id, landing_page,
    reason, number, extension, shown_at, seen_at, left_at, contact_at, tapped_at), ok
  WHERE ok.yes
), visited AS (
  INSERT INTO visits (account_id, visit_id, visitor_id, site_key, started_at, device,
    channel, source, medium, campaign, term, content, click_id_type, click_id, landing_page,
    reason, number, extension, seen_at, left_at, contact_at, tapped_at)
  SELECT t.account_id, u.visit_id, u.visitor_id, u.site_key, u.started_at, u.device,
    u.channel, u.source, u.medium, u.campaign, u.term, u.content, u.click_id_type, u.click_id,
    u.landing_page, u.reason, u.number, u.extension, u.seen_at, u.left_at, u.contact_at, u.tapped_at
  FROM accounts t JOIN begun u ON u.account_id = t.account_id WHERE t.account_id = ANY($1)
  ON CONFLICT (account_id, visit_id) DO UPDATE
    SET seen_at = greatest(visits.seen_at, excluded.seen_at), left_at = excluded.left_at,
    contact_at = coalesce(excluded.contact_at, visits.contact_at),
    tapped_at = coalesce(excluded.tapped_at, visits.tapped_at)
  RETURNING visits.account_id, visits.started_at
), shown AS (
  INSERT INTO exposures (account_id, number, shown_at, visit_id, extension)
  SELECT t.account_id, u.number, u.shown_at, u.visit_id, u.extension
  FROM accounts t JOIN begun u ON u.account_id = t.account_id WHERE t.account_id = ANY($1)
  ON CONFLICT DO NOTHING
), turned AS (
  INSERT INTO extension_turns (account_id, number, turn)
  SELECT t.account_id, u.number, u.turn
  FROM accounts t JOIN {_turns} u (account_id, number, turn) ON u.account_id = t.account_id, ok
  WHERE ok.yes AND t.account_id = ANY($1)
  ON CONFLICT (account_id, number) DO UPDATE SET turn = excluded.turn
), noted AS (
  INSERT INTO hits (account_id, visit_id, at, kind, path)
  SELECT t.account_id, u.visit_id, u.at, u.kind, u.path
  FROM accounts t
  JOIN {_hits} u (account_id, visit_id, at, kind, path, fresh, returned)
    ON u.account_id = t.account_id
  LEFT JOIN visits v ON v.account_id = u.account_id AND v.visit_id = u.visit_id
    AND v.account_id = ANY($1), ok
  WHERE ok.yes AND t.account_id = ANY($1)
    AND (u.fresh OR v.visit_id IS NOT NULL AND (NOT u.returned OR v.left_at < u.at))
  ON CONFLICT DO NOTHING
), signed AS (
  UPDATE visits v SET seen_at = greatest(v.seen_at, u.seen_at),
    left_at = CASE WHEN u.left_at IS NULL AND v.left_at > u.seen_at THEN v.left_at
      ELSE u.left_at END,
    contact_at = coalesce(u.contact_at, v.contact_at),
    tapped_at = coalesce(u.tapped_at, v.tapped_at)
  FROM {_signs} u (account_id, visit_id, seen_at, left_at, contact_at, tapped_at), ok
  WHERE ok.yes AND v.account_id = u.account_id AND v.visit_id = u.visit_id
    AND v.account_id = ANY($1)
  RETURNING v.account_id, v.started_at
), changed AS (
  SELECT u.account_id, u.day FROM {_days} u (account_id, day), ok WHERE ok.yes
  UNION SELECT account_id, started_at / {DAY_MS} FROM visited
  UNION SELECT account_id, started_at / {DAY_MS} FROM signed
), marked AS (
  INSERT INTO days (account_id, part, day, mark)
  SELECT t.account_id, '{Part.TRAFFIC}', u.day, {_MARK}::bigint
  FROM accounts t JOIN changed u ON u.account_id = t.account_id WHERE t.account_id = ANY($1)
  ORDER BY t.account_id, u.day
  ON CONFLICT (account_id, part, day) DO UPDATE SET mark = excluded.mark
)
SELECT yes FROM ok
"""


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

    _visits: dict[_VisitKey, _Row] = field(default_factory=dict)
    _signs: dict[_VisitKey, _Signs] = field(default_factory=dict)
    _hits: list[_Row] = field(default_factory=list)
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

    async def write(self, connection: Connection, moves: Mapping[PoolKey, Move]) -> bool:
        """Write all if every pool still has the version it was known by, else nothing."""
        pools = [(*key, *_move(moves[key])) for key in sorted(moves)]
        begun = [(*row, *_signs_row(self._signs[key])) for key, row in self._visits.items()]
        turns: list[_Row] = [(*key, turn) for key, turn in sorted(self._turns.items())]
        signs = [
            (*key, *_signs_row(one))
            for key, one in sorted(self._signs.items())
            if key not in self._visits
        ]
        days: list[_Row] = sorted(self._days)
        tables: tuple[list[_Row], ...] = (pools, begun, turns, self._hits, signs, days)
        arrays = [
            column
            for table, types in zip(tables, _TABLES, strict=True)
            for column in _columns(table, len(types))
        ]
        accounts = sorted({account_id for account_id, _ in moves})
        return bool(await connection.fetchval(_WRITE, accounts, *arrays, new_mark()))


def _begun_row(account_id: int, visit: Visit, lease: Lease) -> _Row:
    row = rows.visit_row(account_id, visit, lease)
    return tuple(storable(one) if isinstance(one, str) else one for one in row)


def _move(one: Move) -> _Row:
    return one.was, one.now, one.log, one.at, one.trim


def _signs_row(one: _Signs) -> _Row:
    return one.seen_at, one.left_at, one.contact_at, one.tapped_at


def _columns(table: Iterable[_Row], width: int) -> list[list[object]]:
    """What `unnest` wants."""
    return [list(column) for column in zip(*table, strict=True)] or [[] for _ in range(width)]
