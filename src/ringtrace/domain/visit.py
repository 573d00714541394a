"""Visits: one session of one browser, made of hits."""

import re
from dataclasses import dataclass
from enum import StrEnum

from ringtrace.domain.source import Source

ON_PAGE_MS = 45_000
"""A visitor is on page until this long after the last sign of life (the tag beats every 30 s)."""


class HitKind(StrEnum):
    PAGE = "page"
    BEAT = "beat"
    LEAVE = "leave"
    CONTACT = "contact"
    TAP = "tap"


class Device(StrEnum):
    MOBILE = "mobile"
    DESKTOP = "desktop"


class NoNumber(StrEnum):
    """Why a page is left with its own number."""

    ROBOT = "robot"
    RATE_LIMITED = "rate_limited"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    NO_POOL = "no_pool"
    STORE_AWAY = "store_away"


@dataclass(frozen=True, slots=True)
class Visit:
    """A session as it began. `started_at` is ms since 1970 UTC."""

    visit_id: str
    visitor_id: str
    site_key: str
    started_at: int
    device: Device
    source: Source


_MOBILE = re.compile(r"Mobi|Android|iPhone|iPad|iPod", re.IGNORECASE)
_ROBOT = re.compile(
    r"(?<!cu)bot\b|bot_|crawl|spider|slurp|headless|lighthouse|preview|monitor|scrapy|phantom"
    r"|facebookexternalhit|mediapartners|bingpreview|curl/|wget/|python-|java/|go-http",
    re.IGNORECASE,
)


def device(user_agent: str) -> Device:
    return Device.MOBILE if _MOBILE.search(user_agent) else Device.DESKTOP


def is_robot(user_agent: str) -> bool:
    """A program that says so itself, or that says nothing at all, never takes a number."""
    return not user_agent or _ROBOT.search(user_agent) is not None
