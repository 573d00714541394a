"""URLs that users name for the server to ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.url import MOST_LETTERS, UrlInvalidError, read_url


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://hooks.example.com/a?b=c", ("https", "hooks.example.com", 443)),
        ("http://EXAMPLE.com", ("http", "example.com", 80)),
        ("https://example.com:8443/", ("https", "example.com", 8443)),
        ("https://[2001:db8::1]/", ("https", "2001:db8::1", 443)),
        ("http://2130706433/", ("http", "2130706433", 80)),
    ],
)
def test_a_url_has_an_origin(text: str, origin: tuple[str, str, int]) -> None:
    assert read_url(text).origin == origin


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://example.com/", "https://host/path"),
        ("https:///path", "https://host/path"),
        ("example.com", "https://host/path"),
        ("https://example.com@127.0.0.1/", "no user or password"),
        ("https://user:secret@example.com/", "no user or password"),
        ("https://@example.com/", "no user or password"),
        ("https://example.com/#part", "never sent"),
        ("https://example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://example.com\\@127.0.0.1/", "no backslash"),
        ("https://exämple.com/", "printable ASCII"),
        ("https://example.com/\r\nX: y", "printable ASCII"),
        (f"https://example.com/{'a' * MOST_LETTERS}", "at most"),
    ],
)
def test_what_is_no_url_to_ask_is_refused(text: str, said: str) -> None:
    with pytest.raises(UrlInvalidError, match=said):
        read_url(text)


@given(st.text(alphabet="htps:/@\\#?.[]%1a \n", max_size=40))
def test_whatever_is_read_has_a_host_and_nobody_in_front_of_it(text: str) -> None:
    try:
        url = read_url(text)
    except UrlInvalidError:
        return

    assert url.host
    assert "@" not in url.text.split("/")[2]
