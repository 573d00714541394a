"""What a decoder says of a document becomes a message and a path."""

from typing import Any

import msgspec
import pytest

from ringtrace.domain.refusal import joined, refusal


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    n: int


class Outer(msgspec.Struct):
    some: list[Inner] = []
    named: dict[str, Inner] = {}


@pytest.mark.parametrize(
    ("document", "message", "path"),
    [
        ([], "Expected `object`, got `array`", ""),
        ({"some": 1}, "Expected `array`, got `int`", "some"),
        ({"some": [{"n": "x"}]}, "Expected `int`, got `str`", "some[0].n"),
        ({"some": [{}]}, "Object missing required field `n`", "some[0].n"),
        ({"some": [{"n": 1, "m": 2}]}, "Object contains unknown field `m`", "some[0].m"),
        ({"named": {"a": {"n": ""}}}, "Expected `int`, got `str`", "named[...].n"),
        ({"named": {1: {"n": 1}}}, "Expected `str`, got `int`", "named"),
    ],
)
def test_the_field_is_named_by_its_path(document: Any, message: str, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(document, Outer)

    assert refusal(str(caught.value)) == (message, path)


@pytest.mark.parametrize(
    ("path", "below", "whole"),
    [("a", "b", "a.b"), ("a", "[0].b", "a[0].b"), ("", "b", "b"), ("a", "", "a"), ("", "", "")],
)
def test_paths_are_joined(path: str, below: str, whole: str) -> None:
    assert joined(path, below) == whole
