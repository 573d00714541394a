"""The best that anybody could do: name a caller who is among the N visits most likely to call.

The hazard of a visit is the world's own, by everything a pool can observe (channel, keyword,
device, contact page, time on page, time since the last sign of life); what nobody sees stays
unseen.
"""

from copy import deepcopy
from functools import lru_cache

import numpy as np

from benchmarks.simulation.calls import (
    EARLY,
    NOBODY,
    calibration,
    contact_factor,
    first_calls,
    relative,
)
from benchmarks.simulation.sessions import Flags, Floats, Ints, Visits
from benchmarks.simulation.settings import (
    DAY,
    HEARTBEAT,
    MOBILE,
    ON_PAGE_EDGES,
    SILENCE,
    Settings,
)
from benchmarks.simulation.world import World

_STAGES = len(ON_PAGE_EDGES) - 1
_HIDDEN = 2 * _STAGES
_AGE = _HIDDEN + _STAGES
_AGES = 72
_STATES = _AGE + _AGES
_AGE_UNIT = 15.0
_AGE_STEPS = 4
_HIDDEN_SECONDS = 15.0
_ROUNDS = 10
_SEED = 7
_MOST_CALLS = 1_500
_WINDOW = 30 * DAY
# A touch of the link tells no more after so many seconds.
_TOUCHED = 20.0


def _age_edges() -> Floats:
    return _AGE_UNIT * (2 ** (np.arange(_AGES + 1) / _AGE_STEPS) - 1)


def _last_sign(seen: Visits) -> Floats:
    """When a visit was last heard of once it is over."""
    beats = np.ceil(seen.seconds / HEARTBEAT) - 1
    return seen.at + np.where(seen.beacon, seen.seconds, HEARTBEAT * beats)


def _seems_over(seen: Visits) -> Floats:
    """When a visit stops to count as on page."""
    return _last_sign(seen) + np.where(seen.beacon, 0.0, SILENCE)


def _stage(seconds: Floats) -> Ints:
    return np.searchsorted(np.array(ON_PAGE_EDGES[1:-1]), seconds, side="right")


def states(seen: Visits, rows: Ints, at: Floats | float) -> Ints:
    """The state of each visit, as far as it can be observed."""
    begun, device = seen.at[rows], seen.device[rows]
    last, over = _last_sign(seen)[rows], _seems_over(seen)[rows]
    return _states(begun, device, seen.beacon[rows], last, over, at)


def _states(
    begun: Floats, device: Ints, beacon: Flags, last: Floats, over: Floats, at: Floats | float
) -> Ints:
    age = np.maximum(at - last, 0.0)
    state = _AGE + np.minimum(_AGE_STEPS * np.log2(1 + age / _AGE_UNIT), _AGES - 1).astype(np.int64)
    hidden = (device == MOBILE) & beacon & (age < _HIDDEN_SECONDS)
    state = np.where(hidden, _HIDDEN + _stage(last - begun), state)
    return np.where(at < over, _STAGES * device + _stage(at - begun), state)


@lru_cache(maxsize=16)
def _table(settings: Settings) -> Floats:
    """First calls per second and unit of relative hazard, by state."""
    sample = calibration(settings)
    base = relative(settings, sample)
    factor = contact_factor(settings, sample)
    calls = np.zeros(_STATES)
    for seed in range(_ROUNDS):
        seen = deepcopy(sample)
        made = first_calls(settings, seen, np.random.default_rng((_SEED, seed)))
        calls += np.bincount(states(seen, made.visit, made.rings), minlength=_STATES)
    return calls / _ROUNDS / np.maximum(_exposure(settings, sample, base, factor), 1e-9)


def _exposure(settings: Settings, seen: Visits, base: Floats, factor: Floats) -> Floats:
    """Seconds in each state, weighted by the relative hazard."""
    out = np.zeros(_STATES)
    stay = _seems_over(seen) - seen.at
    contact = np.minimum(seen.contact, stay)
    for stage in range(_STAGES):
        low, high = ON_PAGE_EDGES[stage : stage + 2]
        before = np.clip(contact, low, high) - low
        both = np.clip(stay, low, high) - low
        weight = base * (before + settings.contact_factor * (both - before))
        out[stage : 2 * _STAGES : _STAGES] += np.bincount(seen.device, weight, 2)
    phone = seen.beacon & (seen.device == MOBILE)
    hidden = base * factor * _HIDDEN_SECONDS * phone
    out[_HIDDEN:_AGE] += np.bincount(_stage(seen.seconds), hidden, _STAGES)
    first = np.where(phone, _HIDDEN_SECONDS, np.where(seen.beacon, 0.0, SILENCE))
    for since in np.unique(first):
        mass = float((base * factor)[first == since].sum())
        edges = np.maximum(_age_edges(), since)
        out[_AGE:] += mass * np.diff(edges)
    return out


def ranks(world: World, since: float) -> Ints:
    """For first calls from `since` on, the caller's place among all visits by hazard, from 1.

    No more than the first 1 500 such calls are looked at.
    """
    settings, seen, calls = world.settings, world.visits, world.calls
    table, base = _table(settings), relative(settings, seen)
    last, over = _last_sign(seen), _seems_over(seen)
    contact = np.where(seen.contact < seen.seconds, seen.at + seen.contact, np.inf)
    called = np.full(len(seen), np.inf)
    first = np.flatnonzero(calls.first & (calls.visit != NOBODY))
    called[calls.visit[first]] = calls.at[first]
    out = []
    for row in first[calls.at[first] >= since][:_MOST_CALLS]:
        at, caller = float(calls.at[row]), int(calls.visit[row])
        span = slice(*np.searchsorted(seen.at, (at - _WINDOW, at)))
        state = _states(
            seen.at[span], seen.device[span], seen.beacon[span], last[span], over[span], at
        )
        hazard = table[state] * base[span]
        hazard = hazard * np.where(contact[span] <= at, settings.contact_factor, 1.0)
        hazard = np.where(called[span] < at, 0.0, hazard)
        if settings.taps:
            hazard = _tapping(world, span, hazard, at, over)
        out.append(1 + int(np.sum(hazard > hazard[caller - span.start])))
    return np.array(out, dtype=np.int64)


def _tapping(world: World, span: slice, hazard: Floats, at: float, over: Floats) -> Floats:
    """Who just touched the link is first; of the other mobiles few still call early."""
    settings, seen, taps = world.settings, world.visits, world.taps
    early = (seen.device[span] == MOBILE) & (at - over[span] <= EARLY)
    hazard = np.where(early, (1 - settings.tapped) * hazard, hazard)
    recent = taps.visit[slice(*np.searchsorted(taps.at, (at - _TOUCHED, at), side="right"))]
    within = recent[(recent >= span.start) & (recent < span.stop)]
    hazard[within - span.start] = np.inf
    return hazard
