"""What is known of a site's callers: a model of the hazard, its factors, noise and repeats."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from ringtrace.domain import hazard
from ringtrace.domain.exposure import CELLS, Segments, Standing
from ringtrace.domain.hazard import HOURS, Floats, Ints

DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Model:
    """A frozen, named set of rates. Every attribution carries the name of its model.

    `hazard` and `tap` are calls per second by state and tap bin (see hazard); `channels` calls
    per visit; `keywords`, `devices` (desktop, mobile) and `contact` (before, after the contact
    page) multiply them, as do `hours` (UTC) for early and for late states (IS_LATE). `noise` is
    wrong and robot calls per number and second; `repeat` the share of callers that call again,
    `withheld` the share that withholds its number. `covariance` is that of the logarithms of the
    main rates, in the order of totals.CHANNELS; a model that was not learnt has none.
    """

    name: str
    hazard: tuple[float, ...]
    tap: tuple[float, ...]
    calls_per_visit: float
    channels: Mapping[str, float] = field(default_factory=dict)
    keywords: Mapping[str, float] = field(default_factory=dict)
    devices: tuple[float, float] = (1.0, 1.0)
    contact: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.05 / DAY_SECONDS
    repeat: float = 0.3
    withheld: float = 0.08
    hours: tuple[tuple[float, ...], ...] = ((1.0,) * HOURS,) * 2
    covariance: tuple[tuple[float, ...], ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Plain data, ready for JSON: floats of Python alone."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Model":
        """The inverse of `to_data`. Raises TypeError when a field is unknown or missing."""
        tuples = ("hazard", "tap", "devices", "contact")
        tables = ("hours", "covariance")
        plain = {name: tuple(data[name]) for name in tuples}
        nested = {name: tuple(tuple(row) for row in data[name]) for name in tables}
        return cls(**{**data, **plain, **nested})

    def channel_rate(self, channel: str) -> float:
        return self.channels.get(channel, self.calls_per_visit)

    def keyword_factor(self, keyword: str | None) -> float:
        return 1.0 if keyword is None else self.keywords.get(keyword, 1.0)


SHIPPED: Final = Model(
    name="shipped-1",
    hazard=tuple(hazard.PRIOR_HAZARD.tolist()),
    tap=tuple(hazard.PRIOR_TAP.tolist()),
    calls_per_visit=0.015,
    contact=(0.8, 4.0),
)
"""What a new site starts from."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: float(factor) for name, factor in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(one) for one in value)
    return value if isinstance(value, str) else float(value)


class Rates:
    """A model made ready for the columns of exposures: one factor a cell, kept as segments grow."""

    def __init__(self, model: Model, segments: Segments) -> None:
        self.model = model
        self.hazard: Floats = np.array(model.hazard)
        self.tap: Floats = np.array(model.tap)
        self.by_hour: Floats = self.hazard[:, None] * np.array(model.hours)[hazard.IS_LATE]
        self._segments = segments
        self._cell_factors: Floats = np.empty(0)

    def weigh(self, standing: Standing, at: int) -> Floats:
        """Calls per second at `at` (ms) of visits in this standing, had they not called yet."""
        factors = self.cell_factors()[standing.cells]
        rates = self.by_hour[:, hazard.hour_of(at)]
        return np.asarray(factors * rates[standing.states] + self.tap[standing.taps])

    def cell_factors(self) -> Floats:
        known = len(self._cell_factors) // CELLS
        if known < len(self._segments):
            added = [self._factors_of(*name) for name in self._segments.names[known:]]
            self._cell_factors = np.concatenate([self._cell_factors, *added])
        return self._cell_factors

    def _factors_of(self, channel: str, keyword: str | None) -> Floats:
        model = self.model
        rate = model.channel_rate(channel) * model.keyword_factor(keyword)
        desktop, mobile = model.devices
        before, after = model.contact
        return rate * np.array([desktop * before, mobile * before, desktop * after, mobile * after])


def channel_codes(segments: Segments) -> tuple[list[str], Ints]:
    """The channels in order of appearance, and of each segment the position of its channel."""
    codes: dict[str, int] = {}
    of_segment = [codes.setdefault(channel, len(codes)) for channel, _ in segments.names]
    return list(codes), np.array(of_segment, dtype=np.int64)


def expected_calls(
    model: Model, traffic: Mapping[tuple[str, str | None], int]
) -> tuple[dict[str, float], dict[str, float]]:
    """What a pool is divided by: the calls expected of each channel, and its calls per visit.

    `traffic` counts visits by channel and keyword.
    """
    expected: dict[str, float] = {}
    for (channel, keyword), visits in traffic.items():
        calls = visits * model.channel_rate(channel) * model.keyword_factor(keyword)
        expected[channel] = expected.get(channel, 0.0) + calls
    return expected, {channel: model.channel_rate(channel) for channel in expected}
