"""Where a visit came from: click ids, UTM, referrer, and the marketing channel they make.

The rules follow GA4's default channel group; docs/channels.md lists where and why we differ.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from ringtrace.domain import referrers


class Channel(StrEnum):
    """The default channels; an account may name channels of its own for static numbers."""

    DIRECT = "Direct"
    CROSS_NETWORK = "Cross-network"
    PAID_SHOPPING = "Paid Shopping"
    PAID_SEARCH = "Paid Search"
    PAID_SOCIAL = "Paid Social"
    PAID_VIDEO = "Paid Video"
    DISPLAY = "Display"
    PAID_OTHER = "Paid Other"
    ORGANIC_SHOPPING = "Organic Shopping"
    ORGANIC_SOCIAL = "Organic Social"
    ORGANIC_VIDEO = "Organic Video"
    ORGANIC_SEARCH = "Organic Search"
    REFERRAL = "Referral"
    EMAIL = "Email"
    AFFILIATES = "Affiliates"
    AUDIO = "Audio"
    SMS = "SMS"
    MOBILE_PUSH = "Mobile Push Notifications"
    UNASSIGNED = "Unassigned"
    AI_ASSISTANTS = "AI Assistants"
    MAPS = "Maps"
    RADIO = "Radio"
    TV = "TV"
    PRINT = "Print"
    OUTDOOR = "Outdoor"
    DIRECTORY = "Directory"
    WORD_OF_MOUTH = "Word of mouth"


class Why(StrEnum):
    """What decided the source."""

    UTM = "utm"
    CLICK_ID = "click_id"
    OPENSTAT = "openstat"
    REFERRER = "referrer"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ClickId:
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Source:
    """What a hit says of its origin. `landing_page` is host and path, without the query."""

    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None
    click_id: ClickId | None = None
    landing_page: str | None = None
    reason: Why | None = None


_AD_CLICK_IDS = {
    "gclid": "google",
    "gbraid": "google",
    "wbraid": "google",
    "dclid": "google",
    "msclkid": "bing",
    "yclid": "yandex",
}
_CLICK_IDS = (*_AD_CLICK_IDS, "fbclid")
_UTM = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"})
MAX_FIELD = 256
"""Longer campaign fields are cut: a URL is not a place to store things in our reports."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What the URL or the referrer says, before a channel is made of it."""

    source: str
    medium: str
    reason: Why
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


class UrlInvalidError(ValueError):
    """Not an absolute http(s) address."""


def classify(url: str, referrer: str | None) -> Source:
    """The source of a visit that began on `url`, coming from `referrer`.

    Raises UrlInvalidError when `url` is no absolute http(s) address; a broken referrer is none.
    """
    page = _split(url)
    if page is None:
        raise UrlInvalidError("an absolute http(s) URL is needed")
    params = _params(page)
    click_id = _click_id(params)
    said = (
        _from_utm(params, click_id)
        or _from_click_id(click_id)
        or _from_openstat(params)
        or _from_referrer(_split(referrer) if referrer else None, page)
    )
    return Source(
        channel=_channel(said.source, said.medium, said.campaign or ""),
        source=said.source,
        medium=said.medium,
        campaign=said.campaign,
        term=said.term,
        content=said.content,
        click_id=click_id,
        landing_page=((page.hostname or "") + (page.path or "/"))[: 2 * MAX_FIELD],
        reason=said.reason,
    )


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname
    except ValueError:
        return None
    return parts if usable else None


def _params(page: SplitResult) -> dict[str, str]:
    """The first value of each parameter; utm in the fragment counts when the query has none."""
    params = _pairs(page.query)
    if not page.fragment or any(name.startswith("utm_") for name in params):
        return params
    fragment = page.fragment.partition("?")[2] or page.fragment
    tagged = {k: v for k, v in _pairs(fragment).items() if k.startswith("utm_")}
    return {**params, **tagged}


def _pairs(query: str) -> dict[str, str]:
    if not query:
        return {}
    found: dict[str, str] = {}
    for name, value in fields(query):
        text = value.strip()[:MAX_FIELD]
        if text:
            found.setdefault(name.lower(), text)
    return found


def fields(query: str) -> list[tuple[str, str]]:
    """What `urllib.parse.parse_qsl` answers: names and values that are not empty, decoded.

    Most of them need no decoding, and it costs four times as much not to see that.
    """
    pairs = [field.partition("=") for field in query.split("&")]
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs if value]


def _decoded(text: str) -> str:
    spaced = text.replace("+", " ")
    return unquote(spaced) if "%" in spaced else spaced


def _click_id(params: dict[str, str]) -> ClickId | None:
    for name in _CLICK_IDS:
        if name in params:
            return ClickId(name, params[name])
    return None


def _from_utm(params: dict[str, str], click_id: ClickId | None) -> _Said | None:
    if _UTM.isdisjoint(params):
        return None
    source, medium = params.get("utm_source"), params.get("utm_medium")
    if click_id and click_id.type in _AD_CLICK_IDS:
        source = source or _AD_CLICK_IDS[click_id.type]
        medium = medium or "cpc"
    return _Said(
        source=(source or "(not set)").lower(),
        medium=(medium or "(not set)").lower(),
        reason=Why.UTM,
        campaign=params.get("utm_campaign"),
        term=params.get("utm_term"),
        content=params.get("utm_content"),
    )


def _from_click_id(click_id: ClickId | None) -> _Said | None:
    if click_id is None or click_id.type not in _AD_CLICK_IDS:
        return None
    return _Said(_AD_CLICK_IDS[click_id.type], "cpc", Why.CLICK_ID)


def _from_openstat(params: dict[str, str]) -> _Said | None:
    """Yandex Direct's own tag: service;campaign;ad;place, plain or in base64."""
    value = params.get("_openstat")
    if value is None:
        return None
    text = unquote_plus(value)
    if ";" not in text:
        padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        try:
            text = base64.b64decode(padded, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None
    service, _, rest = text.partition(";")
    if "yandex" not in service.lower():
        return None
    campaign = rest.partition(";")[0].strip()
    return _Said("yandex", "cpc", Why.OPENSTAT, campaign=campaign or None)


_DIRECT = _Said("(direct)", "(none)", Why.NONE)


def _from_referrer(referrer: SplitResult | None, page: SplitResult) -> _Said:
    if referrer is None:
        return _DIRECT
    host = (referrer.hostname or "").lower()
    if referrers.same_site(host, (page.hostname or "").lower()) or referrers.is_passage(host):
        return _DIRECT
    known = referrers.identify(host)
    if known is None:
        return _Said(host.removeprefix("www."), "referral", Why.REFERRER)
    return _Said(known.name, known.kind.medium, Why.REFERRER)


_SHOPPING_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$", re.IGNORECASE)
_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_DISPLAY = {"display", "banner", "expandable", "interstitial", "cpm"}
_SOCIAL_MEDIUM = {
    "social", "social-network", "social-media", "sm", "social network", "social media",
}  # fmt: skip
_EMAIL = {"email", "e-mail", "e_mail", "e mail"}


@lru_cache(maxsize=4_096)
def _channel(  # noqa: C901, PLR0911, PLR0912 - one rule a line, in their order
    source: str, medium: str, campaign: str
) -> str:
    kind = referrers.kind_of(source)
    site = referrers.Kind
    paid = _PAID.match(medium) is not None
    shopping = kind is site.SHOPPING or _SHOPPING_CAMPAIGN.match(campaign) is not None
    if source == "(direct)" and medium in {"(none)", "(not set)"}:
        return Channel.DIRECT
    if "cross-network" in campaign.lower():
        return Channel.CROSS_NETWORK
    if shopping and paid:
        return Channel.PAID_SHOPPING
    if kind is site.SEARCH and paid:
        return Channel.PAID_SEARCH
    if kind is site.SOCIAL and paid:
        return Channel.PAID_SOCIAL
    if kind is site.VIDEO and paid:
        return Channel.PAID_VIDEO
    if medium in _DISPLAY:
        return Channel.DISPLAY
    if paid:
        return Channel.PAID_OTHER
    if kind is site.ASSISTANT:
        return Channel.AI_ASSISTANTS
    if shopping:
        return Channel.ORGANIC_SHOPPING
    if kind is site.SOCIAL or medium in _SOCIAL_MEDIUM:
        return Channel.ORGANIC_SOCIAL
    if kind is site.VIDEO or "video" in medium:
        return Channel.ORGANIC_VIDEO
    if kind is site.SEARCH or medium == "organic":
        return Channel.ORGANIC_SEARCH
    if medium in {"referral", "app", "link"}:
        return Channel.REFERRAL
    if source in _EMAIL or medium in _EMAIL:
        return Channel.EMAIL
    if medium == "affiliate":
        return Channel.AFFILIATES
    if medium == "audio":
        return Channel.AUDIO
    if "sms" in {source, medium}:
        return Channel.SMS
    if (
        medium.endswith("push")
        or "mobile" in medium
        or "notification" in medium
        or source == "firebase"
    ):
        return Channel.MOBILE_PUSH
    return Channel.UNASSIGNED
