"""The pools that this server leases from, in memory, each as of a version of its row.

Other servers lease from them, too. Whoever changes a pool moves its version on, and writes what he
did into the pool's log while he knows of others; who finds a version that he does not know reads
the log since his own, or, where that is gone, visits and exposures.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ringtrace.domain.leasing import Pool, Restored
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.store import rows
from ringtrace.store.postgres import pool_log
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.hit_rows import Move, PoolKey
from ringtrace.store.postgres.pool_log import Entry
from ringtrace.store.postgres.rowset import unnested
from ringtrace.store.site_pool import (
    CLOCK_WENT_BACK_MS,
    FORGET_MS,
    SHOWN_LATELY_MS,
    TRAFFIC_MS,
    Segment,
    SitePool,
)

log = logging.getLogger(__name__)

SHARED_SECONDS: Final = 600.0
"""A pool that another server wrote to is taken to be shared for so long."""

KEPT_VERSIONS: Final = 256
_TRIM_EVERY: Final = 32
_AHEAD_SECONDS: Final = 60.0
"""A server whose clock is ahead makes the others read anew at most so often."""


@dataclass(slots=True)
class KnownPool:
    """A pool as of `version`; `entries` are what the batch under way adds."""

    site: SitePool
    version: int
    read_at: float
    shared_until: float = 0.0
    entries: list[Entry] = field(default_factory=list)

    def move(self, at: int, *, shared: bool) -> Move:
        """Where the version goes with the batch; nowhere if nothing happened in the pool."""
        if not self.entries:
            return Move(self.version, self.version, None, at, None)
        now = self.version + 1
        trim = now - KEPT_VERSIONS if now % _TRIM_EVERY == 0 else None
        return Move(self.version, now, pool_log.write(self.entries) if shared else None, at, trim)


class Pools:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: dict[PoolKey, KnownPool] = {}
        self._clock = clock
        self._latest = 0

    def tell_time(self, at: int) -> None:
        """A batch is of `at`, ms since 1970 UTC.

        When this server's clock went back, time would stand still for its pools until it has
        caught up, and nobody who fell silent would ever free his number: they are read anew.
        """
        if at < self._latest - CLOCK_WENT_BACK_MS:
            log.warning("clock_went_back seconds=%d", (self._latest - at) // 1000)
            self.forget_all()
            self._latest = at
        self._latest = max(self._latest, at)

    def known(self, keys: Iterable[PoolKey]) -> dict[PoolKey, KnownPool] | None:
        """The pools, if they are known and nobody else was seen to write to them lately."""
        now = self._clock()
        found = {}
        for key in keys:
            one = self._known.get(key)
            if one is None or one.shared_until > now:
                return None
            found[key] = one
        return found

    def forget(self, keys: Iterable[PoolKey]) -> None:
        for key in keys:
            self._known.pop(key, None)

    def forget_all(self) -> None:
        self._known.clear()

    def _was_put_ahead(self, one: KnownPool, at: int) -> bool:
        """By a server whose clock is ahead: time would stand still here, as in `tell_time`."""
        ahead = one.site.leases.now > at + CLOCK_WENT_BACK_MS
        if not ahead or self._clock() - one.read_at < _AHEAD_SECONDS:
            return False
        log.warning("another_clock_is_ahead seconds=%d", (one.site.leases.now - at) // 1000)
        return True

    async def lock(
        self, connection: Connection, keys: Sequence[PoolKey], at: int, *, shared: bool
    ) -> dict[PoolKey, KnownPool]:
        """The pools as of now, locked until the transaction ends; `keys` are in order.

        `shared`: they are known to be written to by others.
        """
        versions = await _locked(connection, keys)
        behind = {
            key: one.version
            for key in keys
            if (one := self._known.get(key)) is not None and one.version != versions[key]
        }
        logs = await _logs(connection, behind) if behind else {}
        until = self._clock() + SHARED_SECONDS
        for key in keys:
            one = self._known.get(key)
            if one is not None and not _caught_up(one, versions[key], logs.get(key, ())):
                one = None
            if one is None or self._was_put_ahead(one, at):
                site = await _restored(connection, key, at)
                one = self._known[key] = KnownPool(site, versions[key], self._clock())
            if shared or key in behind:
                one.shared_until = until
        return {key: self._known[key] for key in keys}


def _caught_up(one: KnownPool, version: int, log: Sequence[tuple[int, str]]) -> bool:
    """Follow the log; False when it does not reach back to what is known."""
    if [number for number, _ in log] != list(range(one.version + 1, version + 1)):
        return False
    for _, entries in log:
        pool_log.follow(one.site, entries)
    one.version = version
    return True


async def _locked(connection: Connection, keys: Sequence[PoolKey]) -> dict[PoolKey, int]:
    parts = _parts(keys)
    statement = (
        "SELECT p.account_id, p.site_key, p.version FROM pools p"
        f" JOIN {unnested(('bigint', 'text'), 2)} u (account_id, site_key)"
        " ON u.account_id = p.account_id AND u.site_key = p.site_key"
        " WHERE p.account_id = ANY($1) ORDER BY p.account_id, p.site_key FOR UPDATE OF p"
    )
    found = await connection.fetch(statement, *parts)
    if len(found) < len(keys):
        await connection.execute(
            "INSERT INTO pools SELECT t.account_id, u.site_key, 0 FROM accounts t"
            f" JOIN {unnested(('bigint', 'text'), 2)} u (account_id, site_key)"
            " ON u.account_id = t.account_id WHERE t.account_id = ANY($1) ON CONFLICT DO NOTHING",
            *parts,
        )
        found = await connection.fetch(statement, *parts)
    return {(account_id, site_key): version for account_id, site_key, version in found}


async def _logs(
    connection: Connection, behind: dict[PoolKey, int]
) -> dict[PoolKey, list[tuple[int, str]]]:
    found: dict[PoolKey, list[tuple[int, str]]] = {}
    for account_id, site_key, version, entries in await connection.fetch(
        "SELECT l.account_id, l.site_key, l.version, l.entries FROM pool_log l"
        f" JOIN {unnested(('bigint', 'text', 'bigint'), 2)} u (account_id, site_key, version)"
        " ON u.account_id = l.account_id AND u.site_key = l.site_key AND l.version > u.version"
        " WHERE l.account_id = ANY($1) ORDER BY l.version",
        *_parts(behind),
        list(behind.values()),
    ):
        found.setdefault((account_id, site_key), []).append((version, entries))
    return found


def _parts(keys: Collection[PoolKey]) -> tuple[list[int], list[int], list[str]]:
    """The accounts, and the keys as columns."""
    accounts = [account_id for account_id, _ in keys]
    return sorted(set(accounts)), accounts, [site_key for _, site_key in keys]


async def _restored(connection: Connection, key: PoolKey, at: int) -> SitePool:
    """From visits and exposures, whose rows cannot change while the pool is locked."""
    numbers = await connection.fetch(
        "SELECT number FROM numbers WHERE account_id = $1 AND site_key = $2 AND kind = 'pool'"
        " AND active ORDER BY position",
        *key,
    )
    above = await connection.fetchval(
        "SELECT extensions_above FROM sites WHERE account_id = $1 AND site_key = $2", *key
    )
    turns = await connection.fetch(
        "SELECT number, turn FROM extension_turns WHERE account_id = $1", key[0]
    )
    pool = Pool(
        (number for (number,) in numbers),
        forget_ms=FORGET_MS,
        extensions_above=above,
        turns={number: turn for number, turn in turns},  # noqa: C416 - a record is no pair
    )
    leases = await connection.fetch(
        "SELECT e.number, e.visit_id, v.visitor_id, v.seen_at, v.left_at IS NOT NULL, v.channel,"
        " coalesce(v.term, v.campaign), e.extension, e.shown_at FROM numbers n"
        " JOIN exposures e ON e.account_id = n.account_id AND e.number = n.number"
        " JOIN visits v ON v.account_id = e.account_id AND v.visit_id = e.visit_id"
        " WHERE n.account_id = $1 AND n.site_key = $2 AND n.kind = 'pool' AND e.account_id = $1"
        " AND v.account_id = $1 AND e.shown_at >= $3 AND v.seen_at >= $4"
        " ORDER BY e.shown_at, v.seen_at",
        *key,
        at - SHOWN_LATELY_MS,
        at - FORGET_MS,
    )
    pool.restore(Restored(*lease).as_of(at) for lease in leases)
    return SitePool(pool, await _model(connection, key), await _traffic(connection, key, at))


async def _model(connection: Connection, key: PoolKey) -> Model:
    newest = await connection.fetchval(
        "SELECT model FROM models WHERE account_id = $1 AND site_key = $2"
        " ORDER BY made_at DESC LIMIT 1",
        *key,
    )
    return rows.model(newest) if newest else SHIPPED


async def _traffic(connection: Connection, key: PoolKey, at: int) -> Counter[Segment]:
    """Visits of the last days by channel and keyword; ids begin with their time."""
    found = await connection.fetch(
        "SELECT channel, coalesce(term, campaign), count(*) FROM visits"
        " WHERE account_id = $1 AND visit_id >= $3 AND site_key = $2 GROUP BY 1, 2",
        *key,
        f"{at - TRAFFIC_MS:012x}",
    )
    return Counter({(channel, keyword): count for channel, keyword, count in found})
