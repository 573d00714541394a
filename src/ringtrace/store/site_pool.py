"""The leases of one site's pool, as a store keeps them in memory."""

from collections import Counter
from typing import Final, TypeAlias

from ringtrace.domain.attribution import keyword_of
from ringtrace.domain.leasing import Lease, Pool
from ringtrace.domain.model import Model, expected_calls
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.visit import Visit

FORGET_MS: Final = 2 * DAY_MS
"""A visit without a sign for so long is known to the database alone."""

SHOWN_LATELY_MS: Final = 7 * DAY_MS
"""Of visits that were shown a number earlier none is on page any more."""

CLOCK_WENT_BACK_MS: Final = MINUTE_MS
"""A pool that is ahead by more is no other request's doing: a clock was wrong."""

TRAFFIC_MS: Final = 3 * DAY_MS
"""The visits of so long say how a pool is divided."""

_FIRST_SPLIT = 64

Segment: TypeAlias = tuple[str, str | None]
"""Channel and keyword."""


class SitePool:
    """The leases of a site, divided among its channels by the calls expected of each.

    Divided anew whenever the traffic has doubled; every night the site's new model does the same.
    """

    def __init__(self, leases: Pool, model: Model, traffic: Counter[Segment]) -> None:
        self.leases = leases
        self._model = model
        self._traffic = traffic
        self._seen = traffic.total()
        self._next = max(_FIRST_SPLIT, self._seen)
        self._divide()

    def lease(self, visit: Visit, at: int) -> Lease:
        """Raises PoolEmptyError."""
        segment = segment_of(visit)
        lease = self.leases.lease(visit.visit_id, visit.visitor_id, at, *segment)
        if lease.new:
            self._count(segment)
        return lease

    def follow(self, made: Lease, visit_id: str, visitor_id: str, at: int, said: Segment) -> None:
        """A lease that another server made."""
        self.leases.follow(made, visit_id, visitor_id, at, *said)
        self._count(said)

    def _count(self, said: Segment) -> None:
        self._traffic[said] += 1
        self._seen += 1
        if self._seen >= self._next:
            self._divide()

    def _divide(self) -> None:
        if self._seen < _FIRST_SPLIT:
            return
        self._next = 2 * self._seen
        self.leases.resplit(*expected_calls(self._model, self._traffic))


def segment_of(visit: Visit) -> Segment:
    return str(visit.source.channel), keyword_of(visit.source)


def is_old(visit_id: str, at: int) -> bool:
    """Whether memory may have forgotten the visit; its id begins with the time it was made."""
    return abs(at - int(visit_id[:12], 16)) >= FORGET_MS // 2
