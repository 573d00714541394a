"""Writing hits: visits, leases, exposures."""

import logging
import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from ringtrace.domain.extension import next_turn
from ringtrace.domain.leasing import Pool, Restored
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.moment import day_of
from ringtrace.domain.visit import HitKind
from ringtrace.services.commands import KeepModel, NoteHit, NumberShown, ShowNumber
from ringtrace.store import rows
from ringtrace.store.site_pool import (
    CLOCK_WENT_BACK_MS,
    FORGET_MS,
    SHOWN_LATELY_MS,
    TRAFFIC_MS,
    Segment,
    SitePool,
    is_old,
)
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.many import ManyRows

log = logging.getLogger(__name__)

_VISITS = ManyRows(
    f"INSERT OR IGNORE INTO visits ({rows.VISIT_COLUMNS}) {{}}", 1 + rows.VISIT_COLUMNS.count(",")
)
_EXPOSURES = ManyRows("INSERT OR IGNORE INTO exposures {}", 5)
_HITS = ManyRows(
    "WITH u (account_id, visit_id, at, kind, path) AS ({})"
    " INSERT OR IGNORE INTO hits SELECT u.* FROM u CROSS JOIN visits v"
    " ON v.account_id = u.account_id AND v.visit_id = u.visit_id",
    5,
)
# Coming back is worth a row: a later look at an earlier moment must know of it.
_BEATS = ManyRows(
    "WITH u (account_id, visit_id, at) AS ({})"
    " INSERT OR IGNORE INTO hits SELECT u.account_id, u.visit_id, u.at, 'beat', ''"
    " FROM u CROSS JOIN visits v ON v.account_id = u.account_id AND v.visit_id = u.visit_id"
    " WHERE v.left_at < u.at",
    3,
)
_SEEN = ManyRows(
    "WITH u (account_id, visit_id, at) AS ({})"
    " UPDATE visits AS v SET seen_at = max(v.seen_at, u.at),"
    " left_at = CASE WHEN v.left_at <= u.at THEN NULL ELSE v.left_at END"
    " FROM u WHERE v.account_id = u.account_id AND v.visit_id = u.visit_id",
    3,
)

_MOMENTS = {HitKind.LEAVE: "left_at", HitKind.CONTACT: "contact_at", HitKind.TAP: "tapped_at"}


@dataclass(slots=True)
class _Pending:
    """Rows of the batch under way, written with one statement a table."""

    visits: list[tuple[object, ...]] = field(default_factory=list)
    exposures: list[tuple[object, ...]] = field(default_factory=list)
    hits: list[tuple[object, ...]] = field(default_factory=list)
    beats: list[tuple[object, ...]] = field(default_factory=list)
    seen: dict[tuple[int, str], int] = field(default_factory=dict)
    turns: dict[tuple[int, str], int] = field(default_factory=dict)
    days: set[tuple[int, int]] = field(default_factory=set)
    moments: dict[str, list[tuple[object, ...]]] = field(
        default_factory=lambda: {column: [] for column in _MOMENTS.values()}
    )


class VisitWriter:
    """Leases in memory, in the hands of the one writer; what they come to is in the file.

    `flush` before the commit; `forget` after a rollback, so that memory follows the file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pools: dict[tuple[int, str], SitePool] = {}
        self._pending = _Pending()

    def forget(self) -> None:
        self._pools.clear()
        self._pending = _Pending()

    def forget_pools(self, account_id: int) -> None:
        """What an account set up may have changed them: they are read anew."""
        for key in [key for key in self._pools if key[0] == account_id]:
            del self._pools[key]

    def show_number(self, command: ShowNumber) -> NumberShown | None:
        visit, account_id, at = command.visit, command.account_id, command.at
        pool = self._pool(account_id, visit.site_key, at)
        if not pool.leases:
            return None
        earlier = self._earlier(command, pool.leases)
        if earlier is not None:
            self._note(account_id, visit.visit_id, HitKind.PAGE, command.path, at)
            return earlier
        lease = pool.lease(visit, at)
        if lease.new:
            pending = self._pending
            pending.visits.append(rows.visit_row(account_id, visit, lease))
            pending.exposures.append(
                (account_id, lease.number, at, visit.visit_id, lease.extension)
            )
            pending.days |= {(account_id, day_of(at)), (account_id, day_of(visit.started_at))}
            if lease.given and lease.extension is not None:
                pending.turns[account_id, lease.number] = next_turn(lease.extension)
        else:
            self._note(account_id, visit.visit_id, HitKind.PAGE, command.path, at)
        return NumberShown(lease.number, lease.extension)

    def note_hit(self, command: NoteHit) -> None:
        account_id, visit_id, at = command.account_id, command.visit_id, command.at
        pool = self._pools.get((account_id, command.site_key))
        if pool is not None:
            sign = pool.leases.leave if command.kind is HitKind.LEAVE else pool.leases.seen
            sign(visit_id, at)
        self._note(account_id, visit_id, command.kind, "", at)

    def keep_model(self, command: KeepModel) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)",
            (command.account_id, command.site_key, command.made_at, command.model.name,
             rows.text(command.model.to_data())),
        )  # fmt: skip
        self.flush()
        self._pools.pop((command.account_id, command.site_key), None)

    def flush(self) -> None:
        pending, self._pending = self._pending, _Pending()
        connection = self._connection
        _VISITS.write(connection, pending.visits)
        _EXPOSURES.write(connection, pending.exposures)
        if pending.turns:
            connection.executemany(
                "INSERT OR REPLACE INTO extension_turns VALUES (?, ?, ?)",
                [(*key, turn) for key, turn in pending.turns.items()],
            )
        seen = [(*key, at) for key, at in pending.seen.items()]
        _HITS.write(connection, pending.hits)
        _BEATS.write(connection, pending.beats)
        _SEEN.write(connection, seen)
        for column, moments in pending.moments.items():
            if moments:
                connection.executemany(
                    f"UPDATE visits SET {column} = ?3 WHERE account_id = ?1 AND visit_id = ?2",
                    moments,
                )
        marks.traffic(connection, pending.days)
        marks.visits_of_other_days(connection, seen)

    def _note(self, account_id: int, visit_id: str, kind: HitKind, path: str, at: int) -> None:
        pending = self._pending
        pending.seen[account_id, visit_id] = at
        pending.days.add((account_id, day_of(at)))
        if kind is HitKind.BEAT:
            pending.beats.append((account_id, visit_id, at))
        else:
            pending.hits.append((account_id, visit_id, at, kind.value, path))
        column = _MOMENTS.get(kind)
        if column is not None:
            pending.moments[column].append((account_id, visit_id, at))
        if kind is not HitKind.LEAVE:
            pending.moments["left_at"] = [
                one for one in pending.moments["left_at"] if one[:2] != (account_id, visit_id)
            ]

    def _earlier(self, command: ShowNumber, pool: Pool) -> NumberShown | None:
        """What a visit was shown that memory has forgotten but the file knows."""
        visit = command.visit
        if pool.holds(visit.visit_id) or not is_old(visit.visit_id, command.at):
            return None
        row = self._connection.execute(
            "SELECT number, extension FROM visits WHERE account_id = ? AND visit_id = ?",
            (command.account_id, visit.visit_id),
        ).fetchone()
        if row is None or row[0] not in pool:
            return None
        return NumberShown(*row)

    def _pool(self, account_id: int, site_key: str, at: int) -> SitePool:
        pool = self._pools.get((account_id, site_key))
        if pool is not None and at < pool.leases.now - CLOCK_WENT_BACK_MS:
            # For the pool time would stand still until the clock has caught up, and nobody who
            # fell silent would ever free his number.
            log.warning("clock_went_back seconds=%d", (pool.leases.now - at) // 1000)
            pool = None
        if pool is None:
            pool = self._pools[account_id, site_key] = self._restored(account_id, site_key, at)
        return pool

    def _restored(self, account_id: int, site_key: str, at: int) -> SitePool:
        self.flush()
        numbers = self._connection.execute(
            "SELECT number FROM numbers WHERE account_id = ? AND site_key = ? AND kind = 'pool'"
            " AND active ORDER BY position",
            (account_id, site_key),
        )
        above = self._connection.execute(
            "SELECT extensions_above FROM sites WHERE account_id = ? AND site_key = ?",
            (account_id, site_key),
        ).fetchone()
        pool = Pool(
            (number for (number,) in numbers),
            forget_ms=FORGET_MS,
            extensions_above=above and above[0],
            turns=dict(
                self._connection.execute(
                    "SELECT number, turn FROM extension_turns WHERE account_id = ?", (account_id,)
                )
            ),
        )
        leases = self._connection.execute(
            "SELECT e.number, e.visit_id, v.visitor_id, v.seen_at, v.left_at, v.channel,"
            " coalesce(v.term, v.campaign), e.extension, e.shown_at"
            " FROM exposures e JOIN visits v ON v.account_id = e.account_id"
            " AND v.visit_id = e.visit_id"
            " WHERE e.account_id = ?1 AND e.number IN (SELECT number FROM numbers"
            "  WHERE account_id = ?1 AND site_key = ?2 AND kind = 'pool')"
            " AND e.shown_at >= ?3 AND v.seen_at >= ?4"
            " ORDER BY e.shown_at, v.seen_at",
            (account_id, site_key, at - SHOWN_LATELY_MS, at - FORGET_MS),
        )
        pool.restore(
            Restored(number, visit, visitor, seen_at, left_at is not None, *more).as_of(at)
            for number, visit, visitor, seen_at, left_at, *more in leases
        )
        return SitePool(
            pool, self._model(account_id, site_key), self._traffic(account_id, site_key, at)
        )

    def _model(self, account_id: int, site_key: str) -> Model:
        row = self._connection.execute(
            "SELECT model, max(made_at) FROM models WHERE account_id = ? AND site_key = ?",
            (account_id, site_key),
        ).fetchone()
        return rows.model(row[0]) if row[0] else SHIPPED

    def _traffic(self, account_id: int, site_key: str, at: int) -> Counter[Segment]:
        """Visits of the last days by channel and keyword; ids begin with their time."""
        found = self._connection.execute(
            "SELECT channel, coalesce(term, campaign), count(*) FROM visits"
            " WHERE account_id = ? AND visit_id >= ? AND site_key = ? GROUP BY 1, 2",
            (account_id, f"{at - TRAFFIC_MS:012x}", site_key),
        )
        return Counter({(channel, keyword): count for channel, keyword, count in found})
