"""Learning a site's model from its calls: MAP-EM with the shipped model as prior (pool.md 2.4).

No call says whose it was. Each sweep shares every call among its candidates with the rates of the
sweep before, then sets each rate to the calls credited to it over the seconds it was exposed. The
prior counts as so many calls that behaved as shipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ringtrace.domain import hazard, totals
from ringtrace.domain.batch import Batch, sums
from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.exposure import CELLS, Segments
from ringtrace.domain.hazard import Floats, Ints
from ringtrace.domain.model import SHIPPED, Model, Rates, channel_codes

SWEEPS: Final = 20
MAX_CALLS: Final = 6_000
"""Of more calls every so many-th is learnt from."""

HAZARD_PRIOR: Final = 200.0
LEVEL_PRIOR: Final = 20.0
CHANNEL_PRIOR: Final = 2.0
KEYWORD_PRIOR: Final = 8.0
FACTOR_PRIOR: Final = 2.0
NOISE_PRIOR: Final = 1.0
REPEAT_PRIOR: Final = 10.0
TAP_PRIOR: Final = 20.0
WITHHELD_PRIOR: Final = 10.0
EARLY_HOUR_PRIOR: Final = 30.0
LATE_HOUR_PRIOR: Final = 5.0
"""How many calls the prior of each rate is worth; of the hours, the prior of each hour."""

SMOOTHING: Final = 2.0
"""Width of the kernel over the bins of age, in bins."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Numbers that are shown to nobody: what they have been called measures the noise."""

    number_seconds: float = 0.0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Season:
    """What a site went through.

    `seconds`: exposed seconds by cell and state (exposed_seconds); `tap_seconds` by tap bin;
    `hours` the shares of exposed seconds by state and hour (hours_exposed); `number_seconds` the
    numbers times the time they could be called; `callbacks` the repeats expected of all callers if
    everybody called again; `withheld` the calls from withheld numbers.
    """

    calls: Sequence[CallEvidence]
    segments: Segments
    seconds: Floats
    tap_seconds: Floats
    hours: Floats
    number_seconds: float
    callbacks: float
    withheld: int
    canaries: Canaries = Canaries()


def learn(season: Season, name: str, prior: Model = SHIPPED, sweeps: int = SWEEPS) -> Model:
    """The most probable model of the season, called `name`. The same season, the same model."""
    stride = -(-len(season.calls) // MAX_CALLS) or 1
    calls = season.calls[::stride]
    part = len(calls) / len(season.calls) if season.calls else 1.0
    state = _Estimate(season, prior, part)
    batch = Batch(calls)
    for _ in range(sweeps):
        state.improve(batch)
    model = state.model(name)
    known = totals.information(calls, Rates(model, season.segments), season.segments) / part
    covariance = np.linalg.inv(known + np.diag(_prior_information(len(known))))
    return replace(model, covariance=tuple(tuple(row) for row in covariance.tolist()))


def _prior_information(size: int) -> Floats:
    worth = np.full(size, CHANNEL_PRIOR)
    worth[: totals.TAP] = LEVEL_PRIOR
    worth[totals.TAP] = TAP_PRIOR
    worth[totals.NOISE] = NOISE_PRIOR
    worth[totals.REPEAT] = REPEAT_PRIOR
    return worth


_AGES: Final = slice(hazard.AGES, hazard.MOBILE_AGES)
_MOBILE_AGES: Final = slice(hazard.MOBILE_AGES, hazard.STATES)


class _Estimate:
    """The rates as they stand between two sweeps."""

    def __init__(self, season: Season, prior: Model, part: float) -> None:
        self._prior = prior
        self._segments = season.segments
        self._seconds = season.seconds * part
        self._tap_seconds = season.tap_seconds * part
        self._number_seconds = season.number_seconds * part
        self._canaries = season.canaries
        self._callbacks = season.callbacks * part
        self._part = part
        self._channels, self._channel_of = channel_codes(season.segments)
        keywords = list(dict.fromkeys(keyword for _, keyword in season.segments.names))
        self._keywords = keywords
        codes = {keyword: code for code, keyword in enumerate(keywords)}
        self._keyword_of = np.array(
            [codes[keyword] for _, keyword in season.segments.names], dtype=np.int64
        )
        self.hazard: Floats = np.array(prior.hazard)
        self._hours_exposed = season.hours
        self.hours: Floats = np.array(prior.hours)
        self.tap: Floats = np.array(prior.tap)
        self.calls_per_visit = prior.calls_per_visit
        self.channels: Floats = np.full(len(self._channels), prior.calls_per_visit)
        self.keywords: Floats = np.ones(len(keywords))
        self.devices: Floats = np.array(prior.devices)
        self.contact: Floats = np.array(prior.contact)
        self.noise = prior.noise
        self.repeat = prior.repeat
        self.withheld = (season.withheld + WITHHELD_PRIOR) / (
            len(season.calls) + WITHHELD_PRIOR / prior.withheld
        )

    def factors(self) -> Floats:
        """By cell."""
        rates = self.channels[self._channel_of] * self.keywords[self._keyword_of]
        beside = np.outer(self.contact, self.devices).ravel()
        return np.outer(rates, beside).ravel()

    def improve(self, batch: Batch) -> None:
        factors = self.factors()
        by_hour = self.hazard[:, None] * self.hours[hazard.IS_LATE]
        shares = batch.share(factors, by_hour, self.tap, self.repeat, self.noise)
        self._set_noise(float(shares.noise.sum()))
        self._set_repeat(float(shares.repeats.sum()))
        self._set_tap(sums(batch.taps, shares.tapped, hazard.TAPS))
        self._set_hazard(sums(batch.states, shares.plain, hazard.STATES), factors)
        self._set_hours(sums(batch.state_hours, shares.plain, by_hour.size), factors)
        self._set_factors(sums(batch.cells, shares.plain, len(factors)))
        self._normalise()

    def _set_noise(self, credit: float) -> None:
        seen = self._number_seconds + self._canaries.number_seconds
        known = credit + self._canaries.calls
        self.noise = (known + NOISE_PRIOR) / (seen + NOISE_PRIOR / self._prior.noise)

    def _set_repeat(self, credit: float) -> None:
        expected = self._callbacks + REPEAT_PRIOR / self._prior.repeat
        self.repeat = min(0.95, (credit + REPEAT_PRIOR) / expected)

    def _set_tap(self, credit: Floats) -> None:
        prior = np.array(self._prior.tap)[:-1]
        worth = TAP_PRIOR * prior * hazard.TAP_SECONDS / (prior @ hazard.TAP_SECONDS)
        self.tap[:-1] = (credit[:-1] + worth) / (self._tap_seconds[:-1] + worth / prior)

    def _set_hazard(self, credit: Floats, factors: Floats) -> None:
        prior = np.array(self._prior.hazard)
        exposed = (factors @ self._seconds) * self._daily()
        levels = (hazard.LEVELS @ credit + LEVEL_PRIOR) / (
            hazard.LEVELS @ (exposed * prior) + LEVEL_PRIOR
        )
        worth = HAZARD_PRIOR * hazard.PRIOR_SHARES
        credit = credit + worth * (levels @ hazard.LEVELS)
        expected = exposed + worth / prior
        self.hazard = credit / expected
        # Over the logarithm of age a site's rates differ slowly from those shipped.
        for ages in (_AGES, _MOBILE_AGES):
            self.hazard[ages] = (
                prior[ages] * smooth(credit[ages]) / smooth((expected * prior)[ages])
            )

    def _daily(self) -> Floats:
        """The mean of the hours' factors over the exposed seconds of each state."""
        return np.asarray((self._hours_exposed * self.hours[hazard.IS_LATE]).sum(axis=1))

    def _set_hours(self, credit: Floats, factors: Floats) -> None:
        expected = ((factors @ self._seconds) * self.hazard)[:, None] * self._hours_exposed
        counted = credit.reshape(expected.shape)
        for late, worth in enumerate((EARLY_HOUR_PRIOR, LATE_HOUR_PRIOR)):
            part = late == hazard.IS_LATE
            due = round_the_clock(expected[part].sum(axis=0)) + worth
            level = (round_the_clock(counted[part].sum(axis=0)) + worth) / due
            self.hours[late] = level / level.mean()

    def _set_factors(self, credit: Floats) -> None:
        exposed = self._seconds @ (self.hazard * self._daily())
        by_segment = credit.reshape(-1, CELLS).sum(axis=1)
        self.calls_per_visit = (credit.sum() + CHANNEL_PRIOR) / (
            (self.factors() / np.repeat(self.channels[self._channel_of], CELLS)) @ exposed
            + CHANNEL_PRIOR / self._prior.calls_per_visit
        )
        self._set(
            "channels", by_segment, exposed, self._channel_of, CHANNEL_PRIOR, self.calls_per_visit
        )
        self._set("keywords", by_segment, exposed, self._keyword_of, KEYWORD_PRIOR, 1.0)
        expected = (self.factors() * exposed).reshape(-1, 2, 2)
        counted = credit.reshape(-1, 2, 2)
        prior = np.array(self._prior.devices)
        self.devices = _updated(
            counted.sum(axis=(0, 1)), expected.sum(axis=(0, 1)), self.devices, FACTOR_PRIOR, prior
        )
        expected = (self.factors() * exposed).reshape(-1, 2, 2)
        prior = np.array(self._prior.contact)
        self.contact = _updated(
            counted.sum(axis=(0, 2)), expected.sum(axis=(0, 2)), self.contact, FACTOR_PRIOR, prior
        )

    def _set(
        self, name: str, credit: Floats, exposed: Floats, of: Ints, worth: float, prior: float
    ) -> None:
        expected = (self.factors() * exposed).reshape(-1, CELLS).sum(axis=1)
        old = getattr(self, name)
        size = len(old)
        counted, due = sums(of, credit, size), sums(of, expected, size)
        setattr(self, name, _updated(counted, due, old, worth, np.full(size, prior)))

    def _normalise(self) -> None:
        """The scale belongs to the channels: a visit with all factors 1 calls once."""
        mass = float(self.hazard @ hazard.PRIOR_SECONDS)
        self.hazard /= mass
        self.channels *= mass
        self.calls_per_visit *= mass

    def model(self, name: str) -> Model:
        keywords = {
            keyword: factor
            for keyword, factor in zip(self._keywords, self.keywords.tolist(), strict=True)
            if keyword is not None
        }
        desktop, mobile = self.devices.tolist()
        before, after = self.contact.tolist()
        return replace(
            self._prior,
            name=name,
            hazard=tuple(self.hazard.tolist()),
            tap=tuple(self.tap.tolist()),
            calls_per_visit=self.calls_per_visit,
            channels=dict(zip(self._channels, self.channels.tolist(), strict=True)),
            keywords=keywords,
            devices=(desktop, mobile),
            contact=(before, after),
            noise=self.noise,
            repeat=self.repeat,
            withheld=self.withheld,
            hours=tuple(tuple(row) for row in self.hours.tolist()),
        )


def _updated(credit: Floats, expected: Floats, old: Floats, worth: float, prior: Floats) -> Floats:
    return np.asarray((credit + worth) / (expected / old + worth / prior))


def smooth(values: Floats) -> Floats:
    reach = int(3 * SMOOTHING)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHING) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def round_the_clock(values: Floats) -> Floats:
    """Neighbouring hours of the day speak for each other."""
    return np.asarray(0.5 * values + 0.25 * (np.roll(values, 1) + np.roll(values, -1)))
