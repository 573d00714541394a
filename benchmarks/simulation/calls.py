"""Calls: who calls when, calls again, taps a link, or dialled the wrong number."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from benchmarks.simulation.sessions import Flags, Floats, Ints, Visits, site, visits
from benchmarks.simulation.settings import (
    DAY,
    HOUR,
    MOBILE,
    ON_PAGE_EDGES,
    Delay,
    Family,
    Settings,
)

NOBODY = -1
WITHHELD = -1
# Calls up to here after leaving may still begin with a tap.
EARLY = 1_800.0
_FIRST_WRONG_CALLER = 10**9
_CALIBRATION_VISITS = 150_000.0
_CALIBRATION_SEED = 20_240_501
# The dialer covers the page within this time after the number was touched.
_DIALER_OPENS = 0.5


@dataclass(frozen=True, slots=True)
class Calls:
    """One row a call, in order of `at`. `visit` is NOBODY and `number` in [0, 1) for a wrong call.

    `delay` is the time from leaving the site to a first call, 0 for one made on page.
    """

    at: Floats
    visit: Ints
    caller: Ints
    first: Flags
    number: Floats
    delay: Floats


@dataclass(frozen=True, slots=True)
class Taps:
    """Touches of a telephone link, in order of `at`."""

    at: Floats
    visit: Ints


@dataclass(frozen=True, slots=True)
class Scale:
    """First calls per unit of relative hazard: on page per second, and all after leaving."""

    on_page: float
    after: float


@dataclass(frozen=True, slots=True)
class FirstCalls:
    """`dialled` is the moment on page; NaN for calls after leaving."""

    visit: Ints
    dialled: Floats
    rings: Floats
    delay: Floats


def relative(settings: Settings, seen: Visits) -> Floats:
    """A visit's inclination to call, but for the contact page and for what nobody sees."""
    place = site(settings)
    device = np.array(settings.device_calls)
    of_source: Floats = place.calls[seen.channel] * place.keyword_calls[seen.keyword]
    inclination: Floats = of_source * device[seen.device]
    return inclination


def on_page_seconds(settings: Settings, seen: Visits) -> Floats:
    """Seconds on page weighted by the hazard there, contact page included."""
    total = np.zeros(len(seen))
    rates = np.array(settings.on_page)
    contact = np.minimum(seen.contact, seen.seconds)
    for index in range(len(ON_PAGE_EDGES) - 1):
        low, high = ON_PAGE_EDGES[index : index + 2]
        before = np.clip(contact, low, high) - low
        both = np.clip(seen.seconds, low, high) - low
        total += rates[seen.device, index] * (before + settings.contact_factor * (both - before))
    return total


def contact_factor(settings: Settings, seen: Visits) -> Floats:
    """The factor that holds after the visit."""
    return np.where(seen.contact < seen.seconds, settings.contact_factor, 1.0)


def calibration(settings: Settings) -> Visits:
    """The same large sample of visits for all seeds of a world."""
    sample = replace(settings, visits=_CALIBRATION_VISITS, days=1)
    return visits(sample, np.random.default_rng(_CALIBRATION_SEED))


@lru_cache(maxsize=32)
def scale(settings: Settings) -> Scale:
    """Such that `settings.calls` of all visits call, and `mix.on_page` of these on page."""
    sample = calibration(settings)
    base = relative(settings, sample)
    on_page = base * on_page_seconds(settings, sample)
    after = base * contact_factor(settings, sample)
    wanted = settings.calls * settings.mix.on_page
    here, later = wanted / float(on_page.mean()), wanted / float(after.mean())
    for _ in range(60):
        called_here = _called(settings, here * on_page)
        called = _called(settings, here * on_page + later * after)
        here *= wanted / called_here
        later *= (settings.calls - wanted) / (called - called_here)
    return Scale(here, later)


def _called(settings: Settings, mass: Floats) -> float:
    """The share of visits that call when each is expected to call `mass` times."""
    shape = settings.latent_shape
    return float(np.mean(1 - (1 + mass / shape) ** -shape))


def _moment(rates: tuple[float, ...], contact: float, factor: float, need: float) -> float:
    """When the weighted time on page reaches `need`."""
    cuts = sorted({*ON_PAGE_EDGES[:-1], contact})
    for index, low in enumerate(cuts):
        high = cuts[index + 1] if index + 1 < len(cuts) else np.inf
        stage = sum(low >= edge for edge in ON_PAGE_EDGES) - 1
        pace = rates[min(stage, len(rates) - 1)] * (factor if low >= contact else 1.0)
        if need <= pace * (high - low):
            return low + need / pace
        need -= pace * (high - low)
    raise AssertionError(need)


def _component(part: Delay, count: int, rng: np.random.Generator) -> Floats:
    if part.family is Family.LOGNORMAL:
        return part.median * rng.lognormal(0, part.spread, count)
    unit = float(np.log(2)) ** (1 / part.spread)
    wait: Floats = part.median / unit * rng.weibull(part.spread, count)
    return wait


def delays(settings: Settings, count: int, rng: np.random.Generator) -> Floats:
    """Seconds from leaving the site to the call."""
    weights = np.array([part.weight for part in settings.mix.delays])
    which = rng.choice(len(weights), size=count, p=weights / weights.sum())
    out = np.zeros(count)
    for index, part in enumerate(settings.mix.delays):
        rows = np.flatnonzero(which == index)
        out[rows] = _component(part, len(rows), rng)
    return out


def first_calls(settings: Settings, seen: Visits, rng: np.random.Generator) -> FirstCalls:
    """The first call of every visit that leads to one. Cuts visits short that the dialer hides."""
    rate = scale(settings)
    base = relative(settings, seen)
    shape = settings.latent_shape
    people = int(seen.person.max(initial=0)) + 1
    latent = rng.gamma(shape, 1 / shape, people)[seen.person]
    on_page = base * on_page_seconds(settings, seen) * rate.on_page * latent
    after = base * contact_factor(settings, seen) * rate.after * latent
    need = rng.exponential(size=len(seen))
    here = np.flatnonzero(need < on_page)
    later = np.flatnonzero((need >= on_page) & (need < on_page + after))
    need = need / (base * latent * rate.on_page)
    rates, factor = settings.on_page, settings.contact_factor
    dialled = np.array(
        [_moment(rates[seen.device[i]], float(seen.contact[i]), factor, need[i]) for i in here]
    )
    mobile = seen.device[here] == MOBILE
    rings = seen.at[here] + dialled
    rings += np.where(mobile, rng.uniform(*settings.dial_seconds, len(here)), 0.0)
    hidden = mobile & (rng.random(len(here)) < settings.dialer_hides)
    _hide(seen, here[hidden], dialled[hidden])
    wait = delays(settings, len(later), rng)
    return FirstCalls(
        np.concatenate((here, later)),
        np.concatenate((dialled, np.full(len(later), np.nan))),
        np.concatenate((rings, seen.at[later] + seen.seconds[later] + wait)),
        np.concatenate((np.zeros(len(here)), wait)),
    )


def _hide(seen: Visits, rows: Ints, dialled: Floats) -> None:
    seen.seconds[rows] = np.minimum(seen.seconds[rows], dialled + _DIALER_OPENS)
    seen.contact[rows] = np.where(seen.contact[rows] > dialled, np.inf, seen.contact[rows])


def taps(settings: Settings, seen: Visits, first: FirstCalls, rng: np.random.Generator) -> Taps:
    """True taps just before a ring, and false ones at any moment of any mobile visit."""
    mobile = (seen.device[first.visit] == MOBILE) & (first.delay <= EARLY)
    rows = np.flatnonzero(mobile & (rng.random(len(first.visit)) < settings.tapped))
    left = seen.at[first.visit] + seen.seconds[first.visit]
    before = first.rings - rng.uniform(*settings.dial_seconds, len(first.rings))
    at = np.where(
        np.isnan(first.dialled), np.maximum(before, left), seen.at[first.visit] + first.dialled
    )[rows]
    phones = np.flatnonzero(seen.device == MOBILE)
    count = min(len(phones), int(rng.poisson(settings.false_taps * len(rows))))
    idle = rng.choice(phones, size=count, replace=False)
    idle_at = seen.at[idle] + seen.seconds[idle] * rng.random(count)
    return _taps(np.concatenate((at, idle_at)), np.concatenate((first.visit[rows], idle)))


def _taps(at: Floats, visit: Ints) -> Taps:
    order = np.argsort(at, kind="stable")
    return Taps(at[order], visit[order])


def calls(
    settings: Settings, seen: Visits, first: FirstCalls, numbers: int, rng: np.random.Generator
) -> Calls:
    """First calls, the same callers' later ones, and wrong calls to any of `numbers`."""
    people = int(seen.person.max(initial=0)) + 1
    hides = rng.random(people) < settings.withheld
    visit, at = first.visit, first.rings
    rows = [(at, visit, np.ones(len(at), dtype=bool), first.delay)]
    while len(at):
        again = np.flatnonzero(rng.random(len(at)) < settings.again)
        lag = settings.again_hours * HOUR * rng.lognormal(0, settings.again_spread, len(again))
        visit, at = visit[again], at[again] + lag
        rows.append((at, visit, np.zeros(len(at), dtype=bool), np.full(len(at), np.nan)))
    at, visit, is_first, delay = (np.concatenate(column) for column in zip(*rows, strict=True))
    caller = np.where(hides[seen.person[visit]], WITHHELD, seen.person[visit])
    wrong = int(rng.poisson(settings.noise * numbers * settings.days))
    wrong_at = settings.days * DAY * rng.random(wrong)
    wrong_caller = np.where(
        rng.random(wrong) < settings.withheld, WITHHELD, _FIRST_WRONG_CALLER + np.arange(wrong)
    )
    at, is_first, delay = _opening(settings, at, is_first, delay, rng)
    kept = at < settings.days * DAY
    table = Calls(
        np.concatenate((at[kept], wrong_at)),
        np.concatenate((visit[kept], np.full(wrong, NOBODY))),
        np.concatenate((caller[kept], wrong_caller)),
        np.concatenate((is_first[kept], np.zeros(wrong, dtype=bool))),
        np.concatenate((np.full(int(kept.sum()), np.nan), rng.random(wrong))),
        np.concatenate((delay[kept], np.full(wrong, np.nan))),
    )
    order = np.argsort(table.at, kind="stable")
    return Calls(
        table.at[order], table.visit[order], table.caller[order],
        table.first[order], table.number[order], table.delay[order],
    )  # fmt: skip


def _opening(
    settings: Settings, at: Floats, first: Flags, delay: Floats, rng: np.random.Generator
) -> tuple[Floats, Flags, Floats]:
    """Calls at closed hours wait for the next morning, or are never made (infinitely late)."""
    if settings.open_hours is None:
        return at, first, delay
    opens, closes = (hour * HOUR for hour in settings.open_hours)
    time = at % DAY
    closed = (time < opens) | (time >= closes)
    morning = at - time + opens + np.where(time >= closes, DAY, 0.0)
    waits = morning + rng.exponential(HOUR, len(at))
    waits = np.where(rng.random(len(at)) < settings.put_off, waits, np.inf)
    put_off = np.where(closed, waits, at)
    return put_off, first, delay + (put_off - at)
