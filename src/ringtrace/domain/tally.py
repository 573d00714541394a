"""Totals of a report: calls expected of each channel, with intervals that own up to the doubt.

The truth of a call is one channel, or nobody's. A repeat has the truth of the call it repeats, so
both are right or wrong together:

    truth of a call = that of an earlier call, with the chance of repeating it; else its own draw

Written as a sum of draws of its own, each weighed with how many calls of the report stand or fall
with it, a total has the variance of independent draws. To that comes what the model does not know
of its rates: the change of a total with the logarithm of each rate, by the model's covariance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrace.domain import repeat
from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.batch import sums
from ringtrace.domain.hazard import Flags, Floats, Ints
from ringtrace.domain.intervals import NORMAL_95
from ringtrace.domain.learning import CHANNEL_PRIOR, NOISE_PRIOR, REPEAT_PRIOR
from ringtrace.domain.model import Model
from ringtrace.domain.totals import CHANNELS, NOISE, REPEAT, UNKNOWN, Total

MOST_EARLIER: Final = 32
"""A call continues one of the caller's newest calls to the number."""

_SKEW: Final = (NORMAL_95**2 - 1) / 6
"""What skewness adds to a 95 % border (Cornish and Fisher)."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Calls in order of time, a row each, shared out.

    `at` is ms since 1970 and `counted` whether the call belongs to the report; earlier calls are
    there to be repeated. `share` has a column for what stays unknown (UNKNOWN), then one for each
    channel; a row sums to 1. `repeat` is the part of a call that continues earlier ones of the same
    `line`, which is caller and number; calls of one `site` were shared out with one model.
    """

    at: Ints
    line: Ints
    site: Ints
    counted: Flags
    share: Floats
    repeat: Floats

    def only(self, chosen: Flags) -> "Shares":
        return Shares(
            self.at[chosen], self.line[chosen], self.site[chosen], self.counted[chosen],
            self.share[chosen], self.repeat[chosen],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moments:
    """What the totals of a report are made of; those of parts of the calls add up.

    By column of `share`: the sum of shares, the variance and the third moment of the draws, the
    calls that are certain to belong there, and those that may. `slope` by site: the change of the
    columns with the logarithm of noise, of repeats and of each channel.
    """

    expected: Floats
    spread: Floats
    skew: Floats
    certain: Floats
    possible: Floats
    slope: Mapping[int, Floats]

    def __add__(self, other: "Moments") -> "Moments":
        sites = {**self.slope, **other.slope}
        both = self.slope.keys() & other.slope.keys()
        return Moments(
            self.expected + other.expected,
            self.spread + other.spread,
            self.skew + other.skew,
            self.certain + other.certain,
            self.possible + other.possible,
            sites | {site: self.slope[site] + other.slope[site] for site in both},
        )

    def __sub__(self, other: "Moments") -> "Moments":
        slope = {site: -one for site, one in other.slope.items()}
        return self + Moments(
            -other.expected, -other.spread, -other.skew, -other.certain, -other.possible, slope
        )

    def among(self, columns: int, channels: Sequence[int]) -> "Moments":
        """The same for more `columns`, in which those of the channels have other places."""
        places = [UNKNOWN, *channels]
        # Noise and repeats come before the channels.
        rates = [UNKNOWN, UNKNOWN + 1, *(place + 1 for place in channels)]
        expected, spread, skew, certain, possible = wide = np.zeros((5, columns))
        wide[:, places] = self.expected, self.spread, self.skew, self.certain, self.possible
        slope = {site: np.zeros((columns, columns + 1)) for site in self.slope}
        for site, one in self.slope.items():
            slope[site][np.ix_(places, rates)] = one
        return Moments(expected, spread, skew, certain, possible, slope)

    @staticmethod
    def nothing(columns: int) -> "Moments":
        """Those of no calls."""
        return independent({}, columns)


def tally(calls: Shares, channels: Sequence[str], models: Mapping[int, Model]) -> list[Total]:
    """By column of `share`; `models` are the sites' newest, a site without one has not learnt."""
    moments = independent(_apart(calls), calls.share.shape[1]) + repeated(calls)
    return totals(moments, channels, models)


@dataclass(frozen=True, slots=True)
class Sums:
    """Over the calls of one site that count.

    By column: the sums of shares and of their cubes, the certain and the possible calls; `products`
    by two columns, the sums of one share times the other.
    """

    first: Floats
    cubes: Floats
    certain: Floats
    possible: Floats
    products: Floats


def independent(sites: Mapping[int, Sums], columns: int) -> Moments:
    """By site, of calls as if none repeated another."""
    nothing = np.zeros(columns)
    expected = sum((one.first for one in sites.values()), nothing)
    squares = sum((np.diag(one.products) for one in sites.values()), nothing)
    cubes = sum((one.cubes for one in sites.values()), nothing)
    return Moments(
        expected=expected,
        spread=expected - squares,
        skew=expected - 3 * squares + 2 * cubes,
        certain=sum((one.certain for one in sites.values()), nothing),
        possible=sum((one.possible for one in sites.values()), nothing),
        slope={
            site: np.insert(np.diag(one.first) - one.products, UNKNOWN + 1, 0.0, axis=1)
            for site, one in sites.items()
        },
    )


def repeated(calls: Shares) -> Moments:
    """What repeats change in the `independent` moments of the calls that count: add the two up.

    Only lines with counted repeats matter. All calls of such a line must be there; parts of the
    calls that share no line may be asked for apart.
    """
    links = _links(calls)
    weight = _weights(calls.counted, links)
    share, site, counted = calls.share, calls.site, calls.counted.astype(np.float64)
    apart = share * (1 - share)
    own = np.maximum(0.0, apart - links.inherited(apart, links.chance**2))
    lean = 1 - 2 * share
    inherited = links.inherited(share, links.chance)
    nothing = np.zeros(share.shape[1])
    return Moments(
        expected=nothing,
        spread=weight**2 @ own - counted @ apart,
        skew=weight**3 @ (own * lean) - counted @ (apart * lean),
        certain=nothing,
        possible=nothing,
        slope={
            one: _turn(*(table[site == one] for table in (share, inherited, weight, counted)))
            for one in np.unique(site).tolist()
        },
    )


def begun(calls: Shares) -> Ints:
    """When the run of each call began: calls of a line, each at most the window after another.

    Only calls of one run are linked with each other. Times are ms since 1970.
    """
    order = np.lexsort((calls.at, calls.line))
    at, line = calls.at[order], calls.line[order]
    first = np.ones(len(at), dtype=np.bool_)
    first[1:] = (line[1:] != line[:-1]) | (at[1:] - at[:-1] > WINDOW_MS)
    since = np.empty_like(at)
    since[order] = at[first][np.cumsum(first) - 1]
    return since


def _apart(calls: Shares) -> dict[int, Sums]:
    """By site, of the calls that count, as if none repeated another."""
    return {
        site: _sums(calls.share[calls.counted & (calls.site == site)])
        for site in np.unique(calls.site).tolist()
    }


def _sums(share: Floats) -> Sums:
    return Sums(
        first=share.sum(axis=0),
        cubes=(share**3).sum(axis=0),
        certain=(share >= 1).sum(axis=0).astype(np.float64),
        possible=(share > 0).sum(axis=0).astype(np.float64),
        products=share.T @ share,
    )


def totals(found: Moments, channels: Sequence[str], models: Mapping[int, Model]) -> list[Total]:
    """By column, with intervals that the longer tail stretches."""
    learnt = np.zeros_like(found.spread)
    for site, slope in found.slope.items():
        learnt += np.einsum("ij,jk,ik->i", slope, _covariance(models.get(site), channels), slope)
    # Sums of rounded products may fall short of zero by as little.
    spread = np.maximum(found.spread, 0.0)
    reach = NORMAL_95 * np.sqrt(spread + learnt)
    lean = _SKEW * np.divide(found.skew, spread, out=np.zeros_like(spread), where=spread > 0)
    return list(_borders(found, reach, lean))


@dataclass(frozen=True, slots=True)
class _Links:
    """Which call repeats which earlier one, and with what chance.

    `place` is how many calls of its line came before the later one.
    """

    later: Ints
    earlier: Ints
    chance: Floats
    place: Ints

    def inherited(self, table: Floats, chance: Floats) -> Floats:
        """By call, what of the `table` (a row for each call) comes from the calls it repeats."""
        passed = chance[:, None] * table[self.earlier]
        columns = [sums(self.later, column, len(table)) for column in passed.T]
        return np.array(columns).T.reshape(table.shape)


def _links(calls: Shares) -> _Links:
    """The part of a call that is a repeat, divided as the time since each earlier call says."""
    order = np.lexsort((calls.at, calls.line))
    at, line, part = calls.at[order], calls.line[order], calls.repeat[order]
    pairs = list(_pairs(at, line, part > 0))
    later, earlier = np.concatenate([np.zeros((2, 0), dtype=np.int64), *pairs], axis=1)
    due = repeat.densities((at[later] - at[earlier]) / 1_000)
    dues = sums(later, due, len(at))
    place = later - np.searchsorted(line, line[later])
    return _Links(order[later], order[earlier], part[later] * due / dues[later], place)


def _pairs(at: Ints, line: Ints, may_repeat: Flags) -> Iterator[Ints]:
    """Calls that may be repeats, and beneath each an earlier call of its line; the nearest first.

    The calls are in order of lines, and of time within each.
    """
    for lag in range(1, MOST_EARLIER + 1):
        elapsed = at[lag:] - at[:-lag]
        near = (line[lag:] == line[:-lag]) & (elapsed <= WINDOW_MS)
        if not near.any():
            return
        earlier = np.flatnonzero(near & (elapsed > 0) & may_repeat[lag:])
        yield np.array([earlier + lag, earlier])


def _weights(counted: Flags, links: _Links) -> Floats:
    """How many calls of the report stand or fall with each call.

    The last calls of all lines are looked at first: what a call passes on is complete by then.
    """
    weight = counted.astype(np.float64)
    order = np.argsort(links.place, kind="stable")
    turns = np.split(order, np.flatnonzero(np.diff(links.place[order])) + 1)
    for turn in reversed(turns):
        weight[links.earlier[turn]] += links.chance[turn] * weight[links.later[turn]]
    return weight


def _turn(share: Floats, inherited: Floats, weight: Floats, counted: Floats) -> Floats:
    """How repeats change the slope of each total.

    That is its change with the logarithm of noise, of repeats, and of each channel.
    """
    fresh = np.maximum(0.0, share - inherited)
    by_rate = np.diag(weight @ fresh) - (share * weight[:, None]).T @ fresh
    apart = np.diag(counted @ share) - (share * counted[:, None]).T @ share
    by_repeat = weight @ (inherited - share * inherited.sum(axis=1)[:, None])
    return np.insert(by_rate - apart, UNKNOWN + 1, by_repeat, axis=1)


def _covariance(model: Model | None, channels: Sequence[str]) -> Floats:
    """Of the logarithms of noise, repeat and the channels; what is not learnt is as the prior."""
    covariance = np.diag([1 / NOISE_PRIOR, 1 / REPEAT_PRIOR, *[1 / CHANNEL_PRIOR] * len(channels)])
    if model is None or not model.covariance:
        return covariance
    positions = {name: CHANNELS + code for code, name in enumerate(model.channels)}
    places = [NOISE, REPEAT, *(positions.get(name, -1) for name in channels)]
    known = [row for row, place in enumerate(places) if place >= 0]
    learnt = np.array(model.covariance)
    chosen = [places[row] for row in known]
    covariance[np.ix_(known, known)] = learnt[np.ix_(chosen, chosen)]
    return covariance


def _borders(found: Moments, reach: Floats, lean: Floats) -> Iterator[Total]:
    """The longer tail reaches further; never below the certain calls nor above the possible."""
    expected = found.expected
    low = np.maximum(expected - reach + np.minimum(0.0, lean), found.certain)
    high = np.minimum(expected + reach + np.maximum(0.0, lean), found.possible)
    for middle, below, above in zip(expected.tolist(), low.tolist(), high.tolist(), strict=True):
        yield Total(middle, min(below, middle), max(above, middle))
