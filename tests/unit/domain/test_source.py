"""Where a visit came from: a table of addresses and what they mean."""

import base64
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import referrers
from ringtrace.domain.source import (
    MAX_FIELD,
    Channel,
    ClickId,
    UrlInvalidError,
    Why,
    classify,
    fields,
)

SHOP = "https://shop.example/sale"
OPENSTAT = base64.urlsafe_b64encode(b"direct.yandex.ru;winter sale;ad1;place").decode().rstrip("=")

TABLE = [
    # url, referrer, channel, source, medium
    (SHOP, None, "Direct", "(direct)", "(none)"),
    (SHOP, "", "Direct", "(direct)", "(none)"),
    (SHOP, "not a url", "Direct", "(direct)", "(none)"),
    (SHOP, "http://[broken", "Direct", "(direct)", "(none)"),
    (SHOP, "https://www.shop.example/other", "Direct", "(direct)", "(none)"),
    (SHOP, "https://checkout.stripe.com/x", "Direct", "(direct)", "(none)"),
    (SHOP + "?utm_source=%20&gclid=", None, "Direct", "(direct)", "(none)"),
    (SHOP + "?gclid=x", "https://www.google.com/", "Paid Search", "google", "cpc"),
    (SHOP + "?wbraid=x", None, "Paid Search", "google", "cpc"),
    (SHOP + "?msclkid=x", None, "Paid Search", "bing", "cpc"),
    (SHOP + "?yclid=x", None, "Paid Search", "yandex", "cpc"),
    (SHOP + "?fbclid=x", "https://l.facebook.com/", "Organic Social", "facebook", "social"),
    (SHOP + "?fbclid=x", None, "Direct", "(direct)", "(none)"),
    (SHOP + "?utm_source=Google&utm_medium=CPC", None, "Paid Search", "google", "cpc"),
    (SHOP + "?utm_campaign=x&gclid=y", None, "Paid Search", "google", "cpc"),
    (SHOP + "?utm_campaign=x", None, "Unassigned", "(not set)", "(not set)"),
    (SHOP + "?utm_source=fb&utm_medium=paid", None, "Paid Social", "fb", "paid"),
    (SHOP + "?utm_source=not-linkedin&utm_medium=post", None, "Unassigned", "not-linkedin", "post"),
    (SHOP + "?utm_source=youtube&utm_medium=cpv", None, "Paid Video", "youtube", "cpv"),
    (SHOP + "?utm_source=youtube&utm_medium=cpc", None, "Paid Video", "youtube", "cpc"),
    (SHOP + "?utm_source=amazon&utm_medium=ppc", None, "Paid Shopping", "amazon", "ppc"),
    (
        SHOP + "?utm_source=x1&utm_medium=cpc&utm_campaign=shopping",
        None,
        "Paid Shopping",
        "x1",
        "cpc",
    ),
    (SHOP + "?utm_source=x1&utm_medium=banner", None, "Display", "x1", "banner"),
    (SHOP + "?utm_source=x1&utm_medium=retargeting", None, "Paid Other", "x1", "retargeting"),
    (
        SHOP + "?utm_source=g&utm_medium=cpc&utm_campaign=Cross-Network",
        None,
        "Cross-network",
        "g",
        "cpc",
    ),
    (
        SHOP + "?utm_source=x1&utm_medium=x&utm_campaign=web-shop",
        None,
        "Organic Shopping",
        "x1",
        "x",
    ),
    (SHOP + "?utm_source=n&utm_medium=email", None, "Email", "n", "email"),
    (SHOP + "?utm_source=n&utm_medium=affiliate", None, "Affiliates", "n", "affiliate"),
    (SHOP + "?utm_source=n&utm_medium=audio", None, "Audio", "n", "audio"),
    (SHOP + "?utm_source=sms&utm_medium=x", None, "SMS", "sms", "x"),
    (SHOP + "?utm_source=n&utm_medium=webpush", None, "Mobile Push Notifications", "n", "webpush"),
    (
        SHOP + "?utm_source=firebase&utm_medium=x",
        None,
        "Mobile Push Notifications",
        "firebase",
        "x",
    ),
    (SHOP + "?utm_source=n&utm_medium=social-media", None, "Organic Social", "n", "social-media"),
    (SHOP + "?utm_source=n&utm_medium=video-x", None, "Organic Video", "n", "video-x"),
    (SHOP + "?utm_source=n&utm_medium=organic", None, "Organic Search", "n", "organic"),
    (SHOP + "?utm_source=n&utm_medium=link", None, "Referral", "n", "link"),
    (SHOP + "#utm_source=google&utm_medium=cpc", None, "Paid Search", "google", "cpc"),
    (SHOP + "#/page?utm_source=google&utm_medium=cpc", None, "Paid Search", "google", "cpc"),
    (SHOP + "?utm_source=a&utm_medium=email#utm_source=google", None, "Email", "a", "email"),
    (SHOP + "?_openstat=direct.yandex.ru%3Bwinter%3Ba%3Bb", None, "Paid Search", "yandex", "cpc"),
    (SHOP + f"?_openstat={OPENSTAT}", None, "Paid Search", "yandex", "cpc"),
    (SHOP + "?_openstat=market.example%3Bc", None, "Direct", "(direct)", "(none)"),
    (SHOP + "?_openstat=!!!", None, "Direct", "(direct)", "(none)"),
    (SHOP, "https://www.google.co.uk/", "Organic Search", "google", "organic"),
    (SHOP, "https://google.evil.example/", "Referral", "google.evil.example", "referral"),
    (SHOP, "https://notgoogle.com/", "Referral", "notgoogle.com", "referral"),
    (SHOP, "https://yandex.ru/search", "Organic Search", "yandex", "organic"),
    (SHOP, "https://m.youtube.com/", "Organic Video", "youtube", "video"),
    (SHOP, "https://www.amazon.de/", "Organic Shopping", "amazon", "referral"),
    (SHOP, "https://mail.google.com/", "Email", "gmail", "email"),
    (SHOP, "https://gemini.google.com/", "AI Assistants", "gemini", "ai"),
    (SHOP, "https://chatgpt.com/", "AI Assistants", "chatgpt", "ai"),
    (SHOP, "https://www.partner.example/list", "Referral", "partner.example", "referral"),
]


@pytest.mark.parametrize(("url", "referrer", "channel", "source", "medium"), TABLE)
def test_channel_source_and_medium(
    url: str, referrer: str | None, channel: str, source: str, medium: str
) -> None:
    said = classify(url, referrer)

    assert (said.channel, said.source, said.medium) == (channel, source, medium)


def test_campaign_fields_are_decoded_and_trimmed_but_otherwise_as_given() -> None:
    said = classify(
        SHOP + "?utm_source=g&utm_medium=cpc&utm_campaign=%20Winter+Sale%20"
        "&utm_term=Red%20Shoes&utm_content=A1&gclid=abc#x",
        None,
    )

    assert (said.campaign, said.term, said.content) == ("Winter Sale", "Red Shoes", "A1")
    assert said.click_id == ClickId("gclid", "abc")
    assert said.landing_page == "shop.example/sale"
    assert said.reason is Why.UTM


def test_the_landing_page_of_a_bare_host_is_its_root() -> None:
    assert classify("http://shop.example", None).landing_page == "shop.example/"


def test_overlong_fields_are_cut() -> None:
    said = classify(SHOP + "?utm_campaign=" + "x" * 9_999, None)

    assert said.campaign == "x" * MAX_FIELD


@pytest.mark.parametrize("url", ["", "/relative", "ftp://x.example/", "https://", "http://[", "x"])
def test_what_is_no_page_address_is_refused(url: str) -> None:
    with pytest.raises(UrlInvalidError):
        classify(url, None)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_query_and_referrer_get_a_channel_of_the_list(query: str, referrer: str) -> None:
    try:
        said = classify("https://shop.example/?" + query, referrer)
    except UrlInvalidError:
        return
    assert said.channel in set(Channel)


def test_the_most_specific_known_site_wins() -> None:
    site = referrers.identify("search.yahoo.com")

    assert site is not None
    assert site.name == "yahoo"
    assert referrers.identify("localhost") is None


@given(st.text("a=&%+;2bCé \n\0", max_size=40))
def test_a_query_is_read_as_the_standard_library_reads_it(query: str) -> None:
    assert fields(query) == parse_qsl(query)
