"""Sites that send visitors, known by registered domain, exact source token or alias."""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The kind of a known site, with the medium of an unpaid visit from it."""

    SEARCH = "organic"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "referral"
    MAIL = "email"
    ASSISTANT = "ai"

    @property
    def medium(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class KnownSite:
    name: str
    kind: Kind


_SITES: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.SEARCH: {
        "google": (), "bing": ("bing.com",), "yahoo": ("search.yahoo.com", "yahoo.com"),
        "duckduckgo": ("duckduckgo.com",), "baidu": ("baidu.com",), "yandex": (),
        "ecosia": ("ecosia.org",), "qwant": ("qwant.com",), "startpage": ("startpage.com",),
        "brave": ("search.brave.com",), "naver": ("naver.com",), "seznam": ("seznam.cz",),
        "sogou": ("sogou.com",), "ask": ("ask.com",), "aol": ("search.aol.com",),
        "rambler": ("rambler.ru",), "kagi": ("kagi.com",), "daum": ("daum.net",),
    },
    Kind.SOCIAL: {
        "facebook": ("facebook.com", "fb.com", "fb.me"), "instagram": ("instagram.com",),
        "linkedin": ("linkedin.com", "lnkd.in"), "x": ("x.com", "twitter.com", "t.co"),
        "pinterest": ("pinterest.com", "pin.it"), "reddit": ("reddit.com", "redd.it"),
        "vk": ("vk.com", "vk.ru"), "ok": ("ok.ru",), "telegram": ("t.me", "telegram.org"),
        "threads": ("threads.net", "threads.com"), "snapchat": ("snapchat.com",),
        "whatsapp": ("whatsapp.com", "wa.me"), "xing": ("xing.com",), "quora": ("quora.com",),
        "nextdoor": ("nextdoor.com",), "tumblr": ("tumblr.com",), "bluesky": ("bsky.app",),
        "mastodon": ("mastodon.social",),
    },
    Kind.VIDEO: {
        "youtube": ("youtube.com", "youtu.be"), "tiktok": ("tiktok.com",),
        "vimeo": ("vimeo.com",), "twitch": ("twitch.tv",), "rutube": ("rutube.ru",),
        "dailymotion": ("dailymotion.com",), "dzen": ("dzen.ru",),
    },
    Kind.SHOPPING: {
        "amazon": (), "ebay": (), "etsy": ("etsy.com",), "walmart": ("walmart.com",),
        "aliexpress": ("aliexpress.com", "aliexpress.ru"), "ozon": ("ozon.ru",),
        "wildberries": ("wildberries.ru",), "shopping.google": ("shopping.google.com",),
        "idealo": ("idealo.de",),
    },
    Kind.MAIL: {
        "gmail": ("mail.google.com",), "outlook": ("outlook.live.com", "outlook.office.com"),
        "yahoo mail": ("mail.yahoo.com",), "yandex mail": ("mail.yandex.ru", "mail.yandex.com"),
        "mail.ru": ("e.mail.ru",), "proton": ("mail.proton.me",),
    },
    Kind.ASSISTANT: {
        "chatgpt": ("chatgpt.com", "chat.openai.com"), "perplexity": ("perplexity.ai",),
        "claude": ("claude.ai",), "gemini": ("gemini.google.com",),
        "copilot": ("copilot.microsoft.com",), "deepseek": ("chat.deepseek.com",),
        "grok": ("grok.com",), "mistral": ("chat.mistral.ai",),
    },
}  # fmt: skip

_ALIASES = {
    "fb": "facebook", "ig": "instagram", "twitter": "x", "yt": "youtube", "adwords": "google",
    "googleads": "google", "meta": "facebook", "chatgpt.com": "chatgpt",
}  # fmt: skip

# Sites under one name in many countries. The whole registered domain is matched, so that
# google.evil.example is no search engine.
_COUNTRY_SUFFIX = r"(?:com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})"
_COUNTRIES = {
    name: re.compile(rf"^(?:[a-z0-9-]+\.)*{label}\.{_COUNTRY_SUFFIX}$")
    for name, label in (
        ("google", "google"), ("yandex", "(?:yandex|ya)"), ("amazon", "amazon"), ("ebay", "ebay"),
    )
}  # fmt: skip

# Sign-on and payment pages that a visitor passes through without being sent by them.
_PASSAGES = (
    "accounts.google.com", "appleid.apple.com", "login.microsoftonline.com", "paypal.com",
    "checkout.stripe.com", "pay.google.com", "klarna.com", "secure.worldpay.com",
    "yoomoney.ru", "3dsecure.io",
)  # fmt: skip

_BY_NAME = {name: KnownSite(name, kind) for kind, sites in _SITES.items() for name in sites}
_BY_DOMAIN = {
    domain: _BY_NAME[name]
    for sites in _SITES.values()
    for name, domains in sites.items()
    for domain in domains
}


def identify(host: str) -> KnownSite | None:
    """The known site that `host` (lower case) belongs to; the most specific name wins."""
    labels = host.split(".")
    for start in range(len(labels) - 1):
        site = _BY_DOMAIN.get(".".join(labels[start:]))
        if site is not None:
            return site
    for name, pattern in _COUNTRIES.items():
        if pattern.match(host):
            return _BY_NAME[name]
    return None


def kind_of(source: str) -> Kind | None:
    """The kind of a source as UTM names it: a token (`google`), an alias (`fb`) or a domain."""
    site = _BY_NAME.get(_ALIASES.get(source, source)) or identify(source)
    return site.kind if site else None


def is_passage(host: str) -> bool:
    return any(host == passage or host.endswith("." + passage) for passage in _PASSAGES)


def same_site(host: str, page_host: str) -> bool:
    """Whether both are the same site: equal, or one a subdomain of the other, `www.` aside."""
    one, other = host.removeprefix("www."), page_host.removeprefix("www.")
    return one == other or one.endswith("." + other) or other.endswith("." + one)
