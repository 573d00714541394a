"""What a simulated site, its visitors and its callers are like.

The reference world follows the published description: shares, medians and rates stated there are
stated here. What it leaves open (shape of the day within its peak, page lengths, share of visits
that see the contact page, hazards on page by time) is chosen so that the trade's practice, the
longest-idle policy and the bound come out as published; README.md lists those choices.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

DAY = 86_400.0
HOUR = 3_600.0
HEARTBEAT = 30.0
# Seconds without a sign of life after which a visit no longer counts as on page.
SILENCE = 45.0
MOBILE = 0
DESKTOP = 1


@dataclass(frozen=True, slots=True)
class Channel:
    """`share` of the traffic; `calls` relative to the other channels; own `keywords`.

    A channel without keywords of its own shares the one keyword "none".
    """

    name: str
    share: float
    calls: float
    keywords: int


class Family(StrEnum):
    LOGNORMAL = "lognormal"
    WEIBULL = "weibull"


@dataclass(frozen=True, slots=True)
class Delay:
    """A component of the time from leaving the site to the first call, in seconds."""

    weight: float
    median: float
    spread: float
    family: Family = Family.LOGNORMAL


@dataclass(frozen=True, slots=True)
class Mix:
    """When first calls come: a share on page, the rest by delay components after leaving."""

    on_page: float
    delays: tuple[Delay, ...]


def _mix(early: Delay, late: float, late_median: float = 7 * HOUR) -> Mix:
    return Mix(1 - early.weight - late, (early, Delay(late, late_median, 1.5)))


MIXES = {
    "base": _mix(Delay(0.23, 420, 1.0), 0.22),
    "fast": _mix(Delay(0.19, 270, 1.0), 0.08),
    "slow": _mix(Delay(0.25, 480, 1.0), 0.38),
}

CHANNELS = (
    Channel("paid_search", 0.28, 3.5, 60),
    Channel("organic", 0.27, 2.0, 40),
    Channel("direct", 0.15, 1.8, 0),
    Channel("paid_social", 0.14, 0.6, 25),
    Channel("display", 0.10, 0.3, 20),
    Channel("referral", 0.06, 2.5, 0),
)

# Relative hazard on page by time on page below 15, 60, 300 s and above: mobile, desktop.
ON_PAGE_EDGES = (0.0, 15.0, 60.0, 300.0, inf)
_ON_PAGE = ((0.3, 0.8, 1.2, 1.3), (0.3, 0.8, 1.2, 1.3))


@dataclass(frozen=True, slots=True)
class Settings:
    """One world. Rates are shares unless a unit is named; `site` seeds what is fixed of a site."""

    visits: float = 10_000
    days: int = 13
    mix: Mix = MIXES["base"]
    taps: bool = False
    # Of 400 sites the one whose chance of naming a keyword rightly by luck is nearest to the
    # published tables' (a third of wrong visits inside the channel); a typical site is 1.
    site: int = 185
    channels: tuple[Channel, ...] = CHANNELS
    calls: float = 0.015
    peak: float = 0.064
    night: float = 0.009
    day_shape: tuple[float, float] = (1.1, 2.0)
    bounce: float = 0.40
    more_pages: float = 1.0
    page_seconds: float = 55.0
    page_shape: float = 0.75
    long: float = 0.03
    long_seconds: tuple[float, float] = (900.0, 2_330.0)
    returns: float = 0.25
    return_hours: float = 20.0
    return_spread: float = 1.2
    same_source: float = 0.5
    cookie_kept: float = 0.85
    zipf: float = 1.1
    keyword_spread: float = 0.6
    mobile: float = 0.60
    device_calls: tuple[float, float] = (1.1, 0.9)
    contact_page: float = 0.09
    contact_landing: float = 0.03
    contact_factor: float = 7.7
    on_page: tuple[tuple[float, ...], tuple[float, ...]] = _ON_PAGE
    latent_shape: float = 1.0
    beacon: float = 0.85
    dialer_hides: float = 0.95
    dial_seconds: tuple[float, float] = (2.0, 12.0)
    again: float = 0.30
    again_hours: float = 20.0
    again_spread: float = 1.5
    withheld: float = 0.08
    noise: float = 0.05
    tapped: float = 0.8
    false_taps: float = 0.5
    # Calls outside of these hours are put off to the next opening, or not made.
    open_hours: tuple[float, float] | None = None
    put_off: float = 0.6


_FLAT = ((1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0))
_LATE_BLOOM = ((0.1, 0.4, 1.5, 2.0), (0.1, 0.3, 1.5, 2.5))

_TEN_CHANNELS = (
    Channel("paid_search", 0.20, 1.2, 30),
    Channel("organic", 0.18, 1.0, 30),
    Channel("direct", 0.12, 1.6, 0),
    Channel("paid_social", 0.12, 0.9, 15),
    Channel("display", 0.10, 0.4, 15),
    Channel("referral", 0.08, 1.4, 5),
    Channel("email", 0.07, 2.0, 5),
    Channel("video", 0.05, 0.5, 5),
    Channel("affiliates", 0.05, 1.1, 5),
    Channel("maps", 0.03, 6.0, 0),
)

_REFERENCE = Settings()

# Worlds that the engine's own hazard family does not fit.
WORLDS = {
    "reference": _REFERENCE,
    "lognormal": replace(
        _REFERENCE, mix=Mix(0.50, (Delay(0.50, 25 * 60, 2.6),)), on_page=_LATE_BLOOM
    ),
    "weibull": replace(
        _REFERENCE,
        mix=Mix(0.62, (Delay(0.38, 2 * HOUR, 0.45, Family.WEIBULL),)),
        on_page=_FLAT,
        dialer_hides=0.35,
    ),
    "contact": replace(
        _REFERENCE, contact_factor=2.0, contact_page=0.25, device_calls=(0.8, 1.3), latent_shape=0.6
    ),
    "channels": replace(_REFERENCE, channels=_TEN_CHANNELS, keyword_spread=0.4, site=5),
    "hours": replace(_REFERENCE, open_hours=(9.0, 18.0)),
    "robots": replace(_REFERENCE, noise=0.25, withheld=0.25, again=0.45),
    "blind": replace(_REFERENCE, beacon=0.45, cookie_kept=0.55, dialer_hides=0.5),
}
