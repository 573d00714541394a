"""Visits: when they begin, where they come from, how long they stay, what they look at."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation.settings import DAY, HOUR, MOBILE, Settings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_HISTORY_DAYS = 8
_BUSIEST_HOUR = 13
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Site:
    """What stays the same over all days and seeds: keywords and how well they call."""

    shares: Floats
    calls: Floats
    keywords: tuple[Ints, ...]
    popularity: tuple[Floats, ...]
    keyword_calls: Floats


@dataclass(slots=True)
class Visits:
    """One row a visit, in order of `at`; times in seconds, `contact` since `at` or infinite."""

    at: Floats
    person: Ints
    cookie: Ints
    channel: Ints
    keyword: Ints
    device: Ints
    seconds: Floats
    contact: Floats
    beacon: Flags

    def __len__(self) -> int:
        return len(self.at)


def site(settings: Settings) -> Site:
    """Keyword 0 is "none"; the rates of a channel's keywords average 1 over its traffic."""
    rng = np.random.default_rng(settings.site)
    rates: list[NDArray[Any]] = [np.ones(1)]
    keywords: list[Ints] = []
    popularity: list[Floats] = []
    first = 1
    for channel in settings.channels:
        if not channel.keywords:
            keywords.append(np.zeros(1, dtype=np.int64))
            popularity.append(np.ones(1))
            continue
        rank = np.arange(1.0, channel.keywords + 1)
        weight: Floats = rank**-settings.zipf
        weight = weight / weight.sum()
        rate = np.exp(settings.keyword_spread * rng.standard_normal(channel.keywords))
        rates.append(rate / float(weight @ rate))
        keywords.append(np.arange(first, first + channel.keywords))
        popularity.append(weight)
        first += channel.keywords
    shares = np.array([channel.share for channel in settings.channels])
    calls = np.array([channel.calls for channel in settings.channels])
    return Site(shares / shares.sum(), calls, tuple(keywords), tuple(popularity), np.hstack(rates))


def hour_shares(settings: Settings) -> Floats:
    """The share of a day's new visitors in each of its 24 hours."""
    phase = 2 * np.pi * (np.arange(24) - _BUSIEST_HOUR) / 24
    slope, plateau = settings.day_shape
    height: Floats = (1 - ((1 - np.cos(phase)) / 2) ** plateau) ** slope
    share: Floats = settings.night + (settings.peak - settings.night) * height
    total: Floats = share / share.sum()
    return total


def _arrivals(settings: Settings, rng: np.random.Generator) -> Floats:
    hours = np.tile(hour_shares(settings), settings.days + _HISTORY_DAYS)
    counts = rng.poisson(settings.visits * (1 - settings.returns) * hours)
    begin = (np.arange(len(hours)) - 24 * _HISTORY_DAYS) * HOUR
    at = np.repeat(begin, counts)
    return at + HOUR * rng.random(len(at))


def _return_lags(settings: Settings, left: Floats, rng: np.random.Generator) -> Floats:
    """Seconds until visitors come back, rather at hours at which visitors come."""
    share = hour_shares(settings)
    welcome = np.sqrt(share / share.max())
    lag = np.zeros(len(left))
    rows = np.arange(len(left))
    for _ in range(_TRIES):
        spread = rng.lognormal(0, settings.return_spread, len(rows))
        lag[rows] = settings.return_hours * HOUR * spread
        hour = ((left[rows] + lag[rows]) % DAY // HOUR).astype(np.int64)
        rows = rows[rng.random(len(rows)) > welcome[hour]]
    return lag


def _sources(
    place: Site, count: int, shares: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    channel = rng.choice(len(shares), size=count, p=shares)
    keyword = np.zeros(count, dtype=np.int64)
    for index, names in enumerate(place.keywords):
        rows = np.flatnonzero(channel == index)
        keyword[rows] = rng.choice(names, size=len(rows), p=place.popularity[index])
    return channel, keyword


def visits(settings: Settings, rng: np.random.Generator) -> Visits:
    """All visits of `settings.days`, in a site whose visitors have returned for days before."""
    place = site(settings)
    at = _arrivals(settings, rng)
    person = np.arange(len(at))
    device = np.where(rng.random(len(at)) < settings.mobile, MOBILE, 1)
    channel, keyword = _sources(place, len(at), place.shares, rng)
    cookie = np.arange(len(at))
    cookies = len(at)
    end = settings.days * DAY
    rows = [(at, person, cookie, channel, keyword, device)]
    while len(at):
        back = np.flatnonzero(rng.random(len(at)) < settings.returns)
        lag = _return_lags(settings, at[back], rng)
        back, lag = back[at[back] + lag < end], lag[at[back] + lag < end]
        fresh_channel, fresh_keyword = _sources(place, len(back), place.shares, rng)
        same = rng.random(len(back)) < settings.same_source
        kept = rng.random(len(back)) < settings.cookie_kept
        fresh_cookie = cookies + np.arange(len(back))
        cookies += len(back)
        at, person, device = at[back] + lag, person[back], device[back]
        cookie = np.where(kept, cookie[back], fresh_cookie)
        channel = np.where(same, channel[back], fresh_channel)
        keyword = np.where(same, keyword[back], fresh_keyword)
        rows.append((at, person, cookie, channel, keyword, device))
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    order = order[columns[0][order] >= 0]
    begun, who, jar, chan, word, dev = (column[order] for column in columns)
    seconds, contact = _stays(settings, len(begun), rng)
    beacon = rng.random(len(begun)) < settings.beacon
    return Visits(begun, who, jar, chan, word, dev, seconds, contact, beacon)


def _stays(settings: Settings, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Seconds on the site and seconds until the contact page."""
    bounced = rng.random(count) < settings.bounce
    more = 1 + rng.geometric(1 / (1 + settings.more_pages), count)
    pages = np.where(bounced, 1, more)
    first = np.concatenate(([0], np.cumsum(pages)))
    dwell = settings.page_seconds * rng.weibull(settings.page_shape, int(first[-1]))
    passed = np.concatenate(([0.0], np.cumsum(dwell)))
    first, last = first[:-1], first[1:]
    seconds = passed[last] - passed[first]
    turn = rng.geometric(settings.contact_page, count)
    reached = np.minimum(first + turn, len(passed) - 1)
    contact = np.where(turn < pages, passed[reached] - passed[first], np.inf)
    contact = np.where(rng.random(count) < settings.contact_landing, 0.0, contact)
    long = rng.random(count) < settings.long
    stay = rng.uniform(*settings.long_seconds, count)
    return np.where(long, np.maximum(seconds, stay), seconds), contact
