import gzip
from dataclasses import FrozenInstanceError
from importlib.resources import files

import brotli  # type: ignore[import-untyped]  # published without type information
import pytest

from ringtrace.tag.script import load

BUDGET = 2_560


def test_the_tag_costs_a_page_at_most_two_and_a_half_kilobytes() -> None:
    assert len(brotli.compress(load().body)) <= BUDGET


def test_minifying_drops_comments_and_keeps_the_code() -> None:
    source = files("ringtrace.tag").joinpath("tag.js").read_bytes()
    body = load().body
    assert len(body) < len(source) * 0.7
    assert b"/*" not in body
    assert b"window.ringtrace={swap,number" in body


def test_the_tag_is_plain_ascii_so_that_no_page_charset_can_garble_it() -> None:
    assert load().body.isascii()


def test_the_compressed_form_is_the_same_script() -> None:
    script = load()
    assert gzip.decompress(script.gzip) == script.body
    assert len(script.gzip) < len(script.body) / 2


def test_two_processes_serve_the_same_bytes_under_the_same_etag() -> None:
    assert load() == load()


def test_the_etag_is_a_weak_quoted_one() -> None:
    etag = load().etag
    assert etag.startswith('W/"')
    assert etag.endswith('"')
    assert etag.isascii()


def test_a_loaded_script_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load().body = b""  # type: ignore[misc]  # the point of the test
