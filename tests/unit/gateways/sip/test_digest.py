"""Digest credentials as RFC 7616 has them, and what nobody can check."""

from hypothesis import given
from hypothesis import strategies as st

from ringtrace.gateways.sip.digest import Algorithm, challenge, read_credentials

# RFC 7616 3.9.1: Mufasa asks for a page, by either algorithm.
PARAMETERS = (
    'username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,'
    ' cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,'
)
MD5 = f'Digest {PARAMETERS} algorithm=MD5, response="8ca523f5e9506fed4657c9700eebdbec"'
SHA_256 = (
    f"Digest {PARAMETERS} algorithm=SHA-256,"
    ' response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"'
)


def test_the_responses_of_the_rfc_are_those_of_its_password() -> None:
    for header, algorithm in ((MD5, Algorithm.MD5), (SHA_256, Algorithm.SHA_256)):
        credentials = read_credentials(header)
        assert credentials is not None
        assert (credentials.username, credentials.count) == ("Mufasa", 1)
        assert credentials.algorithm is algorithm
        assert credentials.expected("GET", "Circle of Life") == credentials.response
        assert credentials.expected("PUT", "Circle of Life") != credentials.response
        assert credentials.expected("GET", "Circle of life") != credentials.response


def test_forms_that_phones_write_are_read() -> None:
    """Without algorithm (MD5), names and hex in capitals, no spaces, commas and quotes in names."""
    plain = MD5.replace(" algorithm=MD5,", "").replace(", ", ",").replace("nonce=", "Nonce=", 1)
    odd = MD5.replace("Mufasa", r"Scar, \"the king\"").replace("Digest", "DIGEST")
    read = read_credentials(plain.replace("8ca523f5e9506fed", "8CA523F5E9506FED"))
    assert read == read_credentials(MD5)
    credentials = read_credentials(odd)
    assert credentials is not None
    assert credentials.username == 'Scar, "the king"'


def test_what_cannot_be_checked_is_nothing() -> None:
    for header in (
        "",
        "Basic QWxhZGRpbjpvcGVu",
        "Digest",
        MD5.replace("qop=auth", "qop=auth-int"),
        MD5.replace(" qop=auth,", ""),
        MD5.replace("nc=00000001", "nc=1"),
        MD5.replace("algorithm=MD5", "algorithm=MD5-sess"),
        MD5.replace('cnonce="', 'other="'),
        MD5.replace('"Mufasa"', '"Mufasa'),
        MD5 + ", x=" + "y" * 5_000,
    ):
        assert read_credentials(header) is None, header


@given(st.text(max_size=200))
def test_no_header_is_too_odd_to_be_refused(text: str) -> None:
    read_credentials(f"Digest {text}")


def test_a_challenge_names_algorithm_and_stale() -> None:
    text = challenge("pbx", "n0nce", Algorithm.SHA_256, is_stale=True)
    assert text == 'Digest realm="pbx", nonce="n0nce", algorithm=SHA-256, qop="auth", stale=true'
    assert "stale" not in challenge("pbx", "n", Algorithm.MD5, is_stale=False)
