"""The requests that the benchmark sends."""

import re
import shutil

import pytest

from benchmarks import wrk
from benchmarks.request import Template, caller_of, id_of

PREFIX = "0193c0dec0de" + "ab" * 4


def test_an_id_is_32_hex_digits_that_begin_with_the_time() -> None:
    assert re.fullmatch("0193c0dec0de[0-9a-f]{20}", id_of(PREFIX, 255))


def test_a_request_carries_ids_of_its_own_and_its_length() -> None:
    template = Template("t", "/calls/<id>", '{"visit":"<id>","visitor":"<visitor>"}', (("A", "b"),))

    head, _, body = template.request("host:1", PREFIX, 7).decode().partition("\r\n\r\n")

    assert head.startswith(f"POST /calls/{id_of(PREFIX, 7)} HTTP/1.1\r\nHost: host:1\r\n")
    assert f"Content-Length: {len(body)}" in head
    assert head.endswith("A: b")
    assert body == f'{{"visit":"{PREFIX}000000000007","visitor":"000000000007{PREFIX}"}}'


def test_callers_are_many_and_made_up() -> None:
    callers = {caller_of(counter) for counter in range(80_000)}

    assert len(callers) == 80_000
    assert caller_of(80_007) == caller_of(7) == "+12005550107"


def test_without_wrk_it_is_said_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(wrk.WrkError, match="apt-get install wrk"):
        wrk.load("http://127.0.0.1:9", Template("t", "/", "", ()), PREFIX, 0, 1, 1)


@pytest.mark.skipif(wrk.path() is None, reason=wrk.HOW_TO_GET)
def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(wrk.WrkError):
        wrk.load("http://127.0.0.1:9", Template("t", "/", "", ()), PREFIX, 0, 1, 1)
