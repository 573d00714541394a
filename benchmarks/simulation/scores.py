"""What a record of answers is worth, beside the truth. Definitions are in README.md."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.calls import NOBODY
from benchmarks.simulation.play import Record
from benchmarks.simulation.policies import Answer
from benchmarks.simulation.sessions import Flags, Floats, Ints
from benchmarks.simulation.world import World

BINS = 10
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of the calls whose confidence falls in one of ten equal bins: sums, so that runs add up."""

    calls: int
    stated: float
    realised: float

    @property
    def gap(self) -> float:
        """What the bin adds to the calibration error, in calls."""
        return abs(self.stated - self.realised)


def reliability(stated: Floats, right: Flags) -> list[Reliability]:
    """All ten bins, from the least confident on."""
    index = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    rows = [np.flatnonzero(index == bin_) for bin_ in range(BINS)]
    return [Reliability(len(r), float(stated[r].sum()), float(right[r].sum())) for r in rows]


def calibration_error(bins: Sequence[Reliability]) -> float:
    """Mean of |stated - realised| over the bins, weighted by their calls; NaN without calls."""
    calls = sum(one.calls for one in bins)
    return sum(one.gap for one in bins) / calls if calls else float("nan")


def pooled(runs: Sequence[Sequence[Reliability]]) -> list[Reliability]:
    """The bins of all runs together."""
    return [
        Reliability(
            sum(one.calls for one in same),
            sum(one.stated for one in same),
            sum(one.realised for one in same),
        )
        for same in zip(*runs, strict=True)
    ]


def named_bins(world: World, record: Record, since: float) -> list[Reliability]:
    """The reliability of the calls from `since` on for which a visit is named."""
    rows = np.array(record.rows, dtype=np.int64)
    kept = [
        (answer.conf, answer.visit == visit)
        for answer, visit, at in zip(
            record.answers, world.calls.visit[rows].tolist(), world.calls.at[rows], strict=True
        )
        if at >= since and answer.visit is not None
    ]
    stated = np.array([conf for conf, _ in kept], dtype=np.float64)
    return reliability(stated, np.array([right for _, right in kept], dtype=np.bool_))


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _truth(world: World, rows: Ints) -> tuple[list[str | None], list[int | None]]:
    """Channel and keyword of each call, None for wrong calls."""
    seen = world.visits
    visits = world.calls.visit[rows].tolist()
    names = [None if v == NOBODY else world.channels[seen.channel[v]] for v in visits]
    return names, [None if v == NOBODY else int(seen.keyword[v]) for v in visits]


def score(world: World, record: Record, since: float) -> dict[str, float]:
    """All figures of one run but the bound, from the calls at or after `since` (seconds)."""
    calls = world.calls
    at = calls.at[np.array(record.rows, dtype=np.int64)]
    cut = int(np.searchsorted(at, since))
    rows = np.array(record.rows[cut:], dtype=np.int64)
    answers = record.answers[cut:]
    first = calls.first[rows]
    channels, keywords = _truth(world, rows)
    right = np.array([a.visit == v for a, v in zip(answers, calls.visit[rows], strict=True)])
    named = np.array([a.visit is not None for a in answers], dtype=np.bool_)
    stated = np.array([a.conf if a.visit is not None else 0.0 for a in answers])
    right = right.astype(np.bool_) & named
    right_keyword = _matches([a.keyword for a in answers], keywords)
    right_channel = _matches([a.channel for a in answers], channels)
    sure = named & (stated >= SURE)
    leased = record.number[world.visits.at >= since]
    early = first & (np.nan_to_num(calls.delay[rows], nan=np.inf) <= 1_800)
    return {
        "visit": _share(right[first]),
        "keyword": _share(right_keyword[first]),
        "channel": _share(right_channel[first]),
        "visit_early": _share(right[early]),
        "ece": calibration_error(reliability(stated[named], right[named])),
        "ece_with_unnamed": calibration_error(reliability(stated, right)),
        "brier": float(np.mean((stated - right) ** 2)) if len(rows) else float("nan"),
        "sure": _share(sure),
        "sure_right": _share(right[sure]),
        **_totals(world, answers, channels),
        "fallback": _share(leased == world.numbers),
        "calls": float(len(rows)),
        "first_calls": float(first.sum()),
        **_cost(record),
    }


def _matches(
    said: list[int | None] | list[str | None], true: list[int | None] | list[str | None]
) -> Flags:
    return np.array(
        [s is not None and s == t for s, t in zip(said, true, strict=True)], dtype=np.bool_
    )


def _totals(world: World, answers: list[Answer], channels: list[str | None]) -> dict[str, float]:
    """Sums over channels of |said - true| over all true calls, by credits and by names."""
    true = {name: channels.count(name) for name in world.channels}
    names = [answer.channel for answer in answers]
    credited = {name: sum(a.channels.get(name, 0.0) for a in answers) for name in world.channels}
    genuine = max(1, sum(true.values()))
    unsound = [abs(sum(answer.channels.values()) - 1) for answer in answers]
    return {
        "totals_error": sum(abs(credited[n] - true[n]) for n in true) / genuine,
        "totals_error_named": sum(abs(names.count(n) - true[n]) for n in true) / genuine,
        "totals_bias": (sum(credited.values()) - genuine) / genuine,
        "credit_sum_error": max(unsound, default=0.0),
    }


def covered(world: World, record: Record, since: float) -> list[bool] | None:
    """Whether each channel's true calls from `since` on are in the stated interval."""
    if record.totals is None:
        return None
    calls = world.calls
    rows = np.flatnonzero((calls.at >= since) & (calls.visit != NOBODY))
    counts = np.bincount(world.visits.channel[calls.visit[rows]], minlength=len(world.channels))
    within = []
    for name, count in zip(world.channels, counts.tolist(), strict=True):
        _, low, high = record.totals[name]
        within.append(low <= count <= high)
    return within


def _cost(record: Record) -> dict[str, float]:
    cost = record.cost
    if cost is None:
        return {}
    return {
        "lease_us": float(cost.lease_us.mean()),
        "lease_us_median": float(np.median(cost.lease_us)),
        "call_us": float(cost.call_us.mean()) if len(cost.call_us) else float("nan"),
        "learning_s": float(cost.learning_s[1:].max(initial=0.0)),
        "wall_s": cost.wall_s,
    }
