"""How likely a visitor calls in the next second, by the state he is in.

The hazard of a visit's first call is `channel * keyword * device * contact * g[state]`: `g` is a
table over the states below, scaled so that a visit with all factors 1 calls once on average; the
channel's factor is therefore its calls per visit (pool.md 2.1).

States: on page (4 bins of time on page, desktop and mobile apart); a mobile just left, because
the dialer hides the page (the same 4 bins); then bins of the logarithm of the time since the last
sign of life, the early ones for desktops and mobiles apart.
"""

from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.visit import ON_PAGE_MS

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

STAYS_MS: Final = np.array([15_000, 60_000, 300_000], dtype=np.int64)
"""Borders of the classes of time on page."""
STAYS: Final = 4
JUST_LEFT_MS: Final = 15_000
DESKTOP_ON_PAGE: Final = 0
MOBILE_ON_PAGE: Final = 4
MOBILE_JUST_LEFT: Final = 8
AGES: Final = 12
"""The first bin of age."""
AGE_BINS: Final = 72
EARLY_BINS: Final = 28
"""Up to half an hour mobiles have bins of age of their own: who calls then mostly taps."""
MOBILE_AGES: Final = AGES + AGE_BINS
STATES: Final = MOBILE_AGES + EARLY_BINS
_AGE_UNIT_MS: Final = 15_000
_BINS_PER_DOUBLING: Final = 4
AGE_EDGES_MS: Final[Floats] = _AGE_UNIT_MS * (
    2.0 ** (np.arange(AGE_BINS + 1) / _BINS_PER_DOUBLING) - 1
)
"""Borders of the bins of age, 0 to 45 days."""

TAP_EDGES_MS: Final = np.array([2_000, 5_000, 8_000, 12_000, 20_000, 45_000], dtype=np.int64)
"""Borders of the bins of time since a tap on the number."""
TAPS: Final = len(TAP_EDGES_MS) + 1
"""Tap bins; the last one means: no tap, or one long ago."""
NO_TAP: Final = TAPS - 1
TAP_SECONDS: Final[Floats] = np.diff(TAP_EDGES_MS, prepend=0) / 1_000


def states(shown_at: Ints, seen_at: Ints, left: Flags, mobile: Flags, at: int) -> Ints:
    """The state at `at` of visits with these columns, all times in ms.

    A sign of life after `at` says that the visitor was on page at `at`, and nothing more.
    """
    age = np.maximum(at - seen_at, 0)
    on_page = (seen_at > at) | (~left & (age < ON_PAGE_MS))
    stay = np.searchsorted(STAYS_MS, np.minimum(seen_at, at) - shown_at, side="right")
    now = np.searchsorted(STAYS_MS, at - shown_at, side="right")
    bins = age_bins(age)
    found = np.where(mobile & (bins < EARLY_BINS), MOBILE_AGES, AGES) + bins
    just_left = left & mobile & (age < JUST_LEFT_MS)
    found = np.where(just_left, MOBILE_JUST_LEFT + stay, found)
    return np.where(on_page, MOBILE_ON_PAGE * mobile + now, found).astype(np.int64)


def age_bins(age: Ints) -> Ints:
    """The bin of age (0 to AGE_BINS - 1) of `age` in ms."""
    doublings = np.log2(1.0 + age / _AGE_UNIT_MS)
    return np.minimum((_BINS_PER_DOUBLING * doublings).astype(np.int64), AGE_BINS - 1)


def tap_bins(tapped_at: Ints, at: int) -> Ints:
    """The tap bin at `at` of visits whose last tap was at `tapped_at` (ms; NEVER without one)."""
    since = at - tapped_at
    found = np.searchsorted(TAP_EDGES_MS, since, side="right")
    return np.where(since < 0, NO_TAP, found).astype(np.int64)


LEVEL_BINS: Final = 12
"""The level of the hazard over age is learnt at every so many-th bin."""


def _levels() -> Floats:
    """Parts of the hazard table whose level is learnt freely; a partition of unity over states."""
    parts = [np.zeros(STATES) for _ in range(3)]
    parts[0][:MOBILE_ON_PAGE] = 1.0
    parts[1][MOBILE_ON_PAGE:MOBILE_JUST_LEFT] = 1.0
    parts[2][MOBILE_JUST_LEFT:AGES] = 1.0
    for first, bins in ((AGES, AGE_BINS), (MOBILE_AGES, EARLY_BINS)):
        for peak in range(0, bins + LEVEL_BINS - 1, LEVEL_BINS):
            part = np.zeros(STATES)
            part[first : first + bins] = np.abs(np.arange(bins) - peak) / LEVEL_BINS
            part[first : first + bins] = np.maximum(0.0, 1.0 - part[first : first + bins])
            parts.append(part)
    return np.array(parts)


LEVELS: Final[Floats] = _levels()


HOURS: Final = 24
IS_LATE: Final[Ints] = np.concatenate(
    [
        np.zeros(AGES, dtype=np.int64),
        (np.arange(AGE_BINS) >= EARLY_BINS).astype(np.int64),
        np.zeros(EARLY_BINS, dtype=np.int64),
    ]
)
"""1 for the states of visitors who left half an hour ago or more: their calls keep other hours."""


def hour_of(at: int) -> int:
    """The hour of the day (UTC) of a moment in ms."""
    return at // HOUR_MS % HOURS


def hours_exposed(left_at: Ints) -> Floats:
    """Share of the exposed seconds of each state by hour of the day (STATES x HOURS).

    `left_at` are the last signs of life (ms) of the visits.
    """
    counts = np.bincount(left_at // HOUR_MS % HOURS, minlength=HOURS) + 1e-9
    arrivals = np.fft.rfft(counts / counts.sum())
    shares = np.empty((STATES, HOURS))
    shares[:AGES] = counts / counts.sum()
    for position, (low, high) in enumerate(pairwise((AGE_EDGES_MS / HOUR_MS).tolist())):
        # The steps of an hour that an age in the bin is away from its visit.
        steps = np.floor(np.linspace(low, high, 4 * HOURS, endpoint=False) + 0.5).astype(np.int64)
        away = np.bincount(steps % HOURS, minlength=HOURS) / len(steps)
        shares[AGES + position] = np.fft.irfft(arrivals * np.fft.rfft(away), HOURS)
    shares[MOBILE_AGES:] = shares[AGES : AGES + EARLY_BINS]
    return np.clip(shares, 0.0, None)


def state_name(state: int) -> str:
    """What the console and the API call a state."""
    if state < MOBILE_ON_PAGE:
        return "on page (desktop)"
    if state < MOBILE_JUST_LEFT:
        return "on page (mobile)"
    if state < AGES:
        return "just left (mobile)"
    mobile = state >= MOBILE_AGES
    seconds = AGE_EDGES_MS[state - (MOBILE_AGES if mobile else AGES)] / 1_000
    return f"left {seconds:.0f} s ago or more"


# The shipped table is that of pool.md's mix "base": 56 % of first calls come from visitors on
# page, and of the others 65, 79, 82 and 96 % have come after 5 min, 30 min, 1 h and 1 day.
_ON_PAGE_SHARE = 0.56
_MOBILE_SHARE = 0.6
_BEACON_SHARE = 0.85
_LATE_SHARES = ((300, 0.09), (1_800, 0.14), (3_600, 0.03), (86_400, 0.14), (2_592_000, 0.04))
_STAY_SECONDS = np.array([13.0, 32.0, 88.0, 56.0])
"""Mean seconds of a visit in each class of time on page (189 in all)."""
_STAY_CLASSES = np.array([0.12, 0.26, 0.42, 0.20])
"""Share of visits that end in each class."""


def _prior_seconds() -> Floats:
    """Mean seconds of a visit in each state."""
    desktop, mobile = 1 - _MOBILE_SHARE, _MOBILE_SHARE
    silent = (1 - _BEACON_SHARE) * ON_PAGE_MS / 1_000 * _STAY_CLASSES
    just_left = _BEACON_SHARE * JUST_LEFT_MS / 1_000 * _STAY_CLASSES
    return np.concatenate(
        [
            desktop * (_STAY_SECONDS + silent),
            mobile * (_STAY_SECONDS + silent),
            mobile * just_left,
            _by_device(np.diff(AGE_EDGES_MS) / 1_000),
        ]
    )


def _by_device(ages: Floats) -> Floats:
    """Values of the bins of age, the early ones divided between desktops and mobiles."""
    early = ages[:EARLY_BINS]
    return np.concatenate([(1 - _MOBILE_SHARE) * early, ages[EARLY_BINS:], _MOBILE_SHARE * early])


def _prior_shares() -> Floats:
    """Share of first calls that come from each state; sums to 1."""
    on_page = _ON_PAGE_SHARE * _STAY_SECONDS / _STAY_SECONDS.sum()
    dialled = _ON_PAGE_SHARE * _MOBILE_SHARE * _BEACON_SHARE * _STAY_CLASSES
    stayed = on_page * _MOBILE_SHARE * (1 - _BEACON_SHARE)
    late = np.zeros(AGE_BINS)
    edges = AGE_EDGES_MS / 1_000
    start = 0.0
    for end, share in _LATE_SHARES:
        covered = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0, None)
        # Few call in the first seconds after leaving; later as many in each doubling of age.
        density = covered / (max(300.0, start) + 0.5 * (edges[1:] + edges[:-1]))
        late += share * density / density.sum()
        start = end
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    padded = np.pad(late, 6, mode="reflect")
    late = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    late *= (1 - _ON_PAGE_SHARE) / late.sum()
    shares = np.concatenate([on_page * (1 - _MOBILE_SHARE), stayed, dialled, _by_device(late)])
    return np.asarray(shares / shares.sum())


PRIOR_SECONDS: Final[Floats] = _prior_seconds()
PRIOR_SHARES: Final[Floats] = _prior_shares()
PRIOR_HAZARD: Final[Floats] = PRIOR_SHARES / PRIOR_SECONDS
"""Calls per second in each state of a visit that calls once on average."""
PRIOR_TAP: Final[Floats] = np.array([0.02, 0.06, 0.06, 0.06, 0.01, 0.001, 0.0])
"""Calls per second in each tap bin: two of three taps are followed by a call, most in 2-12 s."""
