"""Leasing, attribution and learning of one site over memory: what the outside referee talks to.

The same pool, posterior and learning as in the live path; times outside are seconds that never
decrease, inside they are ms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ringtrace.domain import learning
from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.audience import Audience
from ringtrace.domain.callbook import CallBook
from ringtrace.domain.callers import PastCall
from ringtrace.domain.canary import Canary, heard
from ringtrace.domain.exposed_time import exposed_seconds
from ringtrace.domain.exposure import CELLS, Segments
from ringtrace.domain.hazard import STATES, TAP_SECONDS, TAPS, Floats, hours_exposed
from ringtrace.domain.leasing import Lease, Pool
from ringtrace.domain.model import SHIPPED, Model, Rates, expected_calls
from ringtrace.domain.moment import DAY_MS

MOBILE: Final = 0
WRONG: Final = 0.5
"""A call that is more probably noise names no visit."""
SPLIT_FIRST: Final = 64
"""On the first day the pool is divided anew after so many visits, and each time they doubled."""
SPLIT_MS: Final = 3 * DAY_MS
"""The traffic that a pool is divided by."""


@dataclass(frozen=True, slots=True)
class Proven:
    """It is known that `visit` called; None: that none of the visits did."""

    visit: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The most probable visit, channel and keyword; `channels` and `unknown` in it sum to 1.

    `noise` is the probability of a wrong or robot call. Above 1/2 no visit is named and `conf` is
    `noise`, the probability that there is none; else `conf` is that of the visit.
    """

    visit: int | None
    conf: float
    channel: str | None
    keyword: int | None
    channels: dict[str, float]
    noise: float


class Leasing(Protocol):
    """What the engine needs of a pool; what was leased in the past can be replayed by another."""

    def lease(
        self, visit: str, visitor: str, at: int, channel: str, keyword: str | None, /
    ) -> Lease: ...

    def seen(self, visit: str, at: int, /) -> None: ...

    def leave(self, visit: str, at: int, /) -> None: ...

    def resplit(
        self, expected_calls: Mapping[str, float], rates: Mapping[str, float] | None = None, /
    ) -> None: ...


class UnknownNumberError(LookupError):
    """The pool has no such number."""


class Engine:
    """`numbers` are 0 to numbers - 1; visits, cookies, keywords and callers are any integers.

    The pool is one that leases its numbers by their digits; without one the engine makes its own.
    """

    def __init__(
        self,
        numbers: int,
        channels: Sequence[str],
        pool: Leasing | None = None,
        canaries: Sequence[Canary] = (),
    ) -> None:
        self._numbers = numbers
        self._canaries = canaries
        self._pool = pool or Pool((str(number) for number in range(numbers)), forget_ms=WINDOW_MS)
        self._pool.resplit(dict.fromkeys(channels, 1.0))
        self._channels = tuple(channels)
        self._segments = Segments()
        self._audience = Audience(numbers, self._segments)
        self._book = CallBook(self._segments)
        self._rates = Rates(SHIPPED, self._segments)
        self._seconds: list[tuple[int, Floats]] = []
        self._began: int | None = None
        self._learnt_at = 0
        self._now = 0
        self._next_split = SPLIT_FIRST

    @property
    def model(self) -> Model:
        return self._rates.model

    def learnt(self, t: float) -> Model:
        """The model after the last midnight up to `t`."""
        self._advance(t)
        return self.model

    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int:
        """The number (0 to numbers - 1) to show to `visit`; `dev` 0 is a mobile."""
        at = self._advance(t)
        number = int(self._pool.lease(str(visit), str(cookie), at, ch, str(kw)).number)
        row = self._audience.row(visit)
        if row is not None:
            self._audience.exposures.seen(row, at)
            return number
        segment = self._segments.code(ch, str(kw))
        self._audience.show(visit, cookie, number, segment, at, dev == MOBILE)
        if len(self._audience) == self._next_split and not self._seconds:
            self._next_split *= 2
            self._resplit(at)
        return number

    def seen(self, t: float, visit: int) -> None:
        at = self._advance(t)
        row = self._audience.row(visit)
        if row is not None:
            self._pool.seen(str(visit), at)
            self._audience.exposures.seen(row, at)

    def contact(self, t: float, visit: int) -> None:
        at = self._advance(t)
        row = self._audience.row(visit)
        if row is not None:
            self._pool.seen(str(visit), at)
            self._audience.exposures.contact(row, at)

    def tap(self, t: float, visit: int) -> None:
        at = self._advance(t)
        row = self._audience.row(visit)
        if row is not None:
            self._pool.seen(str(visit), at)
            self._audience.exposures.tap(row, at)

    def leave(self, t: float, visit: int) -> None:
        at = self._advance(t)
        row = self._audience.row(visit)
        if row is not None:
            self._pool.leave(str(visit), at)
            self._audience.exposures.leave(row, at)

    def call(self, t: float, number: int, caller: int, proven: Proven | None = None) -> Answer:
        """Whose call it is; `caller` -1 withheld his number. Raises UnknownNumberError.

        A proof that names a visit nobody knows is none.
        """
        if not 0 <= number < self._numbers:
            raise UnknownNumberError(f"number {number} is not of the pool")
        at = self._advance(t)
        known = None if caller < 0 else caller
        about = (self._audience, self._rates, number, at, known)
        if proven is not None and (proven.visit is None or self._knows(proven.visit)):
            return self._answer(self._book.prove(*about, proven.visit))
        return self._answer(self._book.attribute(*about))

    def totals(self, since: float, until: float) -> dict[str, tuple[float, float, float]]:
        """Expected calls by channel in [since, until) seconds, with their 95 % interval.

        With the rates of today, also for the calls of days past.
        """
        found = self._book.totals(since * 1_000, until * 1_000, self._rates)
        blank = dict.fromkeys(self._channels, (0.0, 0.0, 0.0))
        return blank | {name: (one.expected, one.low, one.high) for name, one in found.items()}

    def _knows(self, visit: int) -> bool:
        return self._audience.row(visit) is not None

    def _answer(self, call: PastCall) -> Answer:
        channels: dict[str, float] = dict.fromkeys(self._channels, 0.0)
        keywords: dict[str | None, float] = {}
        for segment, share in zip(call.segments.tolist(), call.shares.tolist(), strict=True):
            channel, keyword = self._segments.names[segment]
            channels[channel] = channels.get(channel, 0.0) + share
            keywords[keyword] = keywords.get(keyword, 0.0) + share
        credits_ = {**channels, "unknown": call.noise}
        if not call.visits:
            return Answer(None, call.noise, None, None, credits_, call.noise)
        visit: int | None
        visit, conf = call.visits[0]
        if call.noise > WRONG:
            visit, conf = None, call.noise
        channel = max(channels, key=lambda name: channels[name])
        keyword = max(keywords, key=lambda name: keywords[name])
        return Answer(visit, conf, channel, int(keyword or 0), credits_, call.noise)

    def _advance(self, t: float) -> int:
        at = max(self._now, round(t * 1_000))
        if self._began is None:
            self._began = self._learnt_at = at
        elif at // DAY_MS > self._now // DAY_MS:
            self._end_day(self._began, at // DAY_MS * DAY_MS)
        self._now = at
        return at

    def _end_day(self, began: int, at: int) -> None:
        """Learn from the past window, divide the pool anew, and forget what is out of it."""
        exposures = self._audience.exposures
        cells = CELLS * len(self._segments)
        rows = np.arange(len(exposures))
        day = exposed_seconds(exposures, rows, cells, (self._learnt_at, at), WINDOW_MS)
        self._seconds = [one for one in self._seconds if one[0] > at - WINDOW_MS]
        self._seconds.append((at, day))
        self._learnt_at = at
        since = max(began, at - WINDOW_MS)
        self._book.close(since, self._rates)
        season = self._season(since, at)
        self._rates = Rates(learning.learn(season, f"site-{at // DAY_MS}"), self._segments)
        self._resplit(at)
        self._book.forget(at - WINDOW_MS, self._audience.forget(at - WINDOW_MS))

    def _season(self, since: int, at: int) -> learning.Season:
        total = np.zeros((CELLS * len(self._segments), STATES))
        for _, day in self._seconds:
            total[: len(day)] += day
        tap_seconds = np.zeros(TAPS)
        tap_seconds[:-1] = self._audience.taps(since, at) * TAP_SECONDS
        exposures = self._audience.exposures
        return learning.Season(
            calls=self._book.calls,
            segments=self._segments,
            seconds=total,
            tap_seconds=tap_seconds,
            hours=hours_exposed(exposures.seen_at[: len(exposures)]),
            number_seconds=self._numbers * (at - since) / 1_000,
            callbacks=self._book.callbacks(at),
            withheld=self._book.withheld,
            canaries=heard(self._canaries, since, at),
        )

    def _resplit(self, at: int) -> None:
        counts = self._audience.counts(at - SPLIT_MS).tolist()
        traffic = dict(zip(self._segments.names, counts, strict=True))
        for channel in self._channels:
            traffic.setdefault((channel, None), 0)
        self._pool.resplit(*expected_calls(self.model, traffic))
