"""Writing hits: visits, leases, exposures, signs of life.

Leases are decided in memory, as `domain/leasing.py` says. While this server is alone with a pool,
one statement writes what was decided, if nobody moved the pool's version meanwhile. Pools that
others write to, too, are locked first and followed to their newest version.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ringtrace.domain.leasing import Lease
from ringtrace.domain.visit import HitKind
from ringtrace.services.commands import NoteHit, NumberShown, ShowNumber
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.hit_rows import HitRows, PoolKey
from ringtrace.store.postgres.pool_log import Leased, Left, Seen
from ringtrace.store.postgres.pools import KnownPool, Pools
from ringtrace.store.postgres.rowset import unnested
from ringtrace.store.site_pool import is_old, segment_of

Hit: TypeAlias = ShowNumber | NoteHit
_VisitKey: TypeAlias = tuple[int, str]


class HitWriter:
    """For one connection at a time; memory is dropped whenever writing fails.

    `in_one`: the rows of a batch are written by one statement.
    """

    def __init__(self, pools: Pools | None = None, *, in_one: bool = True) -> None:
        self._pools = pools or Pools()
        self._in_one = in_one

    def forget(self) -> None:
        self._pools.forget_all()

    async def write(
        self, connection: Connection, hits: Sequence[Hit], *, again: bool = False
    ) -> list[NumberShown | None]:
        """What each is shown, committed. `again`: some of it may have been written before."""
        keys = sorted({_pool_key(hit) for hit in hits})
        self._pools.tell_time(max(hit.at for hit in hits))
        try:
            pools = self._pools.known(keys)
            if pools is not None:
                shown = await self._write(connection, hits, pools, again=again, shared=False)
                if shown is not None:
                    return shown
                self._pools.forget(keys)
            return await self._write_locked(
                connection, hits, keys, again=again, shared=pools is not None
            )
        except BaseException:
            self._pools.forget(keys)
            raise

    async def _write_locked(
        self,
        connection: Connection,
        hits: Sequence[Hit],
        keys: Sequence[PoolKey],
        *,
        again: bool,
        shared: bool,
    ) -> list[NumberShown | None]:
        at = max(hit.at for hit in hits)
        async with connection.transaction():
            pools = await self._pools.lock(connection, keys, at, shared=shared)
            shown = await self._write(connection, hits, pools, again=again, shared=True)
        if shown is None:
            raise LookupError("a locked pool has moved")
        return shown

    async def _write(
        self,
        connection: Connection,
        hits: Sequence[Hit],
        pools: Mapping[PoolKey, KnownPool],
        *,
        again: bool,
        shared: bool,
    ) -> list[NumberShown | None] | None:
        """None when a pool was not as it was known: then nothing is written."""
        written = await _written(connection, hits) if again else {}
        earlier = await _earlier(connection, hits, pools)
        batch = _Batch(pools, written, earlier)
        shown = [batch.take(hit) for hit in hits]
        at = max(hit.at for hit in hits)
        moves = {key: one.move(at, shared=shared) for key, one in pools.items()}
        if not await batch.rows.write(connection, moves, in_one=self._in_one):
            return None
        for key, one in pools.items():
            one.version = moves[key].now
            one.entries.clear()
        return shown


class _Batch:
    """Hits decided one after the other, and the rows that they come to."""

    def __init__(
        self,
        pools: Mapping[PoolKey, KnownPool],
        written: Mapping[_VisitKey, NumberShown],
        earlier: Mapping[_VisitKey, NumberShown],
    ) -> None:
        self.rows = HitRows()
        self._pools = pools
        self._written = written
        self._earlier = earlier

    def take(self, hit: Hit) -> NumberShown | None:
        pool = self._pools[_pool_key(hit)]
        if isinstance(hit, ShowNumber):
            return self._show(hit, pool)
        leases = pool.site.leases
        if leases.holds(hit.visit_id):
            if hit.kind is HitKind.LEAVE:
                leases.leave(hit.visit_id, hit.at)
                pool.entries.append(Left(hit.visit_id, hit.at))
            else:
                leases.seen(hit.visit_id, hit.at)
                pool.entries.append(Seen(hit.visit_id, hit.at))
        self.rows.note(hit.account_id, hit.visit_id, hit.kind, "", hit.at)
        return None

    def _show(self, hit: ShowNumber, pool: KnownPool) -> NumberShown | None:
        visit, key = hit.visit, (hit.account_id, hit.visit.visit_id)
        if key in self._written and visit.started_at == hit.at:
            return self._written[key]
        if not pool.site.leases:
            return None
        earlier = self._earlier.get(key)
        if earlier is not None and earlier.number in pool.site.leases:
            self.rows.note(hit.account_id, visit.visit_id, HitKind.PAGE, hit.path, hit.at)
            return earlier
        lease = pool.site.lease(visit, hit.at)
        if lease.new:
            pool.entries.append(_leased(hit, lease))
            self.rows.begin(hit.account_id, visit, lease, pool.site.leases.now)
        else:
            pool.entries.append(Seen(visit.visit_id, hit.at))
            self.rows.note(hit.account_id, visit.visit_id, HitKind.PAGE, hit.path, hit.at)
        return NumberShown(lease.number, lease.extension)


def _pool_key(hit: Hit) -> PoolKey:
    return hit.account_id, hit.visit.site_key if isinstance(hit, ShowNumber) else hit.site_key


def _leased(hit: ShowNumber, lease: Lease) -> Leased:
    visit = hit.visit
    return Leased(
        visit.visit_id, visit.visitor_id, hit.at, *segment_of(visit),
        lease.number, lease.extension, lease.given,
    )  # fmt: skip


async def _earlier(
    connection: Connection, hits: Sequence[Hit], pools: Mapping[PoolKey, KnownPool]
) -> dict[_VisitKey, NumberShown]:
    """What visits were shown that memory has forgotten but the database knows."""
    views = [
        hit
        for hit in hits
        if isinstance(hit, ShowNumber)
        and is_old(hit.visit.visit_id, hit.at)
        and not pools[_pool_key(hit)].site.leases.holds(hit.visit.visit_id)
    ]
    return await _shown(connection, views) if views else {}


async def _written(connection: Connection, hits: Sequence[Hit]) -> dict[_VisitKey, NumberShown]:
    """What was shown to those visits whose first page was written before its answer got lost."""
    views = [hit for hit in hits if isinstance(hit, ShowNumber)]
    return await _shown(connection, views, first=True) if views else {}


async def _shown(
    connection: Connection, views: Sequence[ShowNumber], *, first: bool = False
) -> dict[_VisitKey, NumberShown]:
    """`first`: of those visits alone that began with this very page view."""
    accounts = [hit.account_id for hit in views]
    found = await connection.fetch(
        "SELECT v.account_id, v.visit_id, v.number, v.extension FROM visits v"
        f" JOIN {unnested(('bigint', 'text', 'bigint'), 2)} u (account_id, visit_id, at)"
        " ON u.account_id = v.account_id AND u.visit_id = v.visit_id"
        " WHERE v.account_id = ANY($1) AND v.number IS NOT NULL"
        " AND (NOT $5 OR v.started_at = u.at)",
        sorted(set(accounts)),
        accounts,
        [hit.visit.visit_id for hit in views],
        [hit.at for hit in views],
        first,
    )
    return {(account, visit): NumberShown(number, code) for account, visit, number, code in found}
