"""The calls of a site: whose they probably were, and what they leave for learning and reports."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ringtrace.domain.audience import Audience
from ringtrace.domain.batch import sums
from ringtrace.domain.callers import Callers, PastCall
from ringtrace.domain.evidence import CallEvidence, gather
from ringtrace.domain.exposure import Segments
from ringtrace.domain.hazard import Floats, Ints
from ringtrace.domain.model import Rates, channel_codes
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.posterior import Posterior, posterior, weigh
from ringtrace.domain.repeat import share_by
from ringtrace.domain.totals import Account, Total, account, totals

REMEMBERED: Final = 12
"""So many of a call's most probable visits are remembered."""
REPORTED_MS: Final = 92 * DAY_MS
"""Totals reach back so far."""


class CallBook:
    """Times are ms; callers any hashable key, None for one withheld."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._callers = Callers()
        self._called: list[tuple[int, bool]] = []
        self._closed: list[Account] = []
        self.calls: list[CallEvidence] = []

    @property
    def withheld(self) -> int:
        """Calls from withheld numbers among `calls`."""
        return sum(hidden for _, hidden in self._called)

    def callbacks(self, at: int) -> float:
        """Repeats that `calls` would have brought by now if everybody called again."""
        return sum(share_by((at - when) / 1_000) for when, _ in self._called)

    def attribute(
        self, audience: Audience, rates: Rates, number: int, at: int, caller: int | None
    ) -> PastCall:
        """Share out a call to `number`, and remember it."""
        exposures, rows = audience.exposures, audience.shown(number, at)
        standing = exposures.standing(rows, at)
        visitors, called = exposures.visitor[rows], exposures.called[rows]
        earlier = self._callers.earlier(caller, number)
        ties = self._callers.ties(caller, visitors, earlier, at, rates.model)
        weights = weigh(rates, standing, called, ties, at)
        found = posterior(weights, ties, rates.model.noise)
        exposures.called[rows] = np.minimum(1.0, called + found.candidates)
        best = _top(found.candidates, REMEMBERED)
        likely = found.candidates[best].tolist()
        visits = {
            audience.visit(row): share
            for row, share in zip(rows[best].tolist(), likely, strict=True)
        }
        past = self._credited(number, at, found, exposures.segment[rows], visits, earlier)
        self._callers.remember(caller, past, zip(visitors[best].tolist(), likely, strict=True))
        free = (1.0 - called) * ties.factors(called)
        densities = ties.repeats / rates.model.repeat
        repeated = self._repeated(earlier)
        self.calls.append(
            gather(at, standing, free, weights, densities, repeated, ties.noise_factor)
        )
        self._called.append((at, caller is None))
        return past

    def prove(
        self,
        audience: Audience,
        rates: Rates,
        number: int,
        at: int,
        caller: int | None,
        visit: int | None,
    ) -> PastCall:
        """Remember a call that `visit`, one of the audience, made for sure; None: no visit did.

        All that is left open is whether it continues an earlier call of the same visit.
        """
        exposures = audience.exposures
        row = None if visit is None else audience.row(visit)
        rows = np.array([] if row is None else [row], dtype=np.int64)
        visitors, certain = exposures.visitor[rows], np.ones(len(rows))
        named = () if visit is None else ((visit, 1.0),)
        past = PastCall(number, at, exposures.segment[rows], certain, named, float(visit is None))
        earlier = self._callers.earlier(caller, number)
        ties = self._callers.ties(caller, visitors, earlier, at, rates.model)
        alike = np.array([call.share_of(visit) for call in earlier])
        densities = alike * ties.repeats / rates.model.repeat
        self.calls.append(
            gather(
                at,
                exposures.standing(rows, at),
                1.0 - exposures.called[rows],
                certain,
                densities,
                self._repeated([past] * len(earlier)),
                noise_factor=ties.noise_factor if visit is None else 0.0,
                gold=-1 if visit is None or densities.any() else 0,
            )
        )
        self._called.append((at, caller is None))
        exposures.called[rows] = 1.0
        self._callers.remember(caller, past, ((visitor, 1.0) for visitor in visitors.tolist()))
        return past

    def close(self, since: int, rates: Rates) -> None:
        """Settle the calls before `since`: they are reported, but no longer learnt from."""
        old = [call for call in self.calls if call.at < since]
        if old:
            self._closed.append(account(old, rates, self._segments))
        self.calls = self.calls[len(old) :]
        self._called = self._called[len(old) :]
        self._closed = [one for one in self._closed if one.at[-1] >= since - REPORTED_MS]

    def forget(self, before: int, visitors: Ints | None) -> None:
        """Forget callers of calls before then; `visitors` are new codes of visitors, if any."""
        self._callers.forget(before)
        if visitors is not None:
            self._callers.recode(visitors)

    def totals(self, since: float, until: float, rates: Rates) -> dict[str, Total]:
        """Expected calls by channel in [since, until), with 95 % intervals."""
        names, _ = channel_codes(self._segments)
        recent = account(
            [call for call in self.calls if since <= call.at < until], rates, self._segments
        )
        return totals((*self._closed, recent), since, until, rates.model, names)

    def _credited(
        self,
        number: int,
        at: int,
        found: Posterior,
        segments: Ints,
        visits: dict[int, float],
        earlier: Sequence[PastCall],
    ) -> PastCall:
        """Credits with those of the calls that may be repeated."""
        shares = sums(segments, found.candidates, len(self._segments))
        noise = found.noise
        for share, past in zip(found.repeats.tolist(), earlier, strict=True):
            shares[past.segments] += share * past.shares
            noise += share * past.noise
            for visit, part in past.visits:
                visits[visit] = visits.get(visit, 0.0) + share * part
        credited = np.flatnonzero(shares)
        top = sorted(visits.items(), key=lambda one: (-one[1], one[0]))[:REMEMBERED]
        return PastCall(number, at, credited, shares[credited], tuple(top), noise)

    def _repeated(self, earlier: Sequence[PastCall]) -> Floats:
        """What is unknown of each call and its channels' credits, one row a call."""
        names, channel_of = channel_codes(self._segments)
        found = np.zeros((len(earlier), 1 + len(names)))
        for row, past in zip(found, earlier, strict=True):
            row[0] = past.noise
            row[1:] = sums(channel_of[past.segments], past.shares, len(names))
        return found


def _top(shares: Floats, count: int) -> Ints:
    """The positions of the largest positive shares."""
    best = np.argpartition(shares, -count)[-count:] if len(shares) > count else slice(None)
    positions = np.arange(len(shares))[best]
    return np.asarray(positions[shares[positions] > 0])
