"""What is a tag, and what is made of what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.tag import LONGEST, TagInvalidError, is_tag, read_tag


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("vip", "vip"),
        ("  VIP ", "vip"),
        ("follow-up_2", "follow-up_2"),
        ("Пожаловался", "пожаловался"),
        ("4711", "4711"),
        ("Cafe\u0301", "caf\u00e9"),
        ("x" * LONGEST, "x" * LONGEST),
    ],
)
def test_a_word_becomes_a_tag(typed: str, tag: str) -> None:
    assert read_tag(typed) == tag
    assert is_tag(tag)
    assert is_tag(typed) == (typed == tag)


@pytest.mark.parametrize(
    "typed", ["", " ", "two words", "-x", "_x", "a/b", "a\nb", "x" * 33, "<b>"]
)
def test_what_is_no_word_is_refused(typed: str) -> None:
    assert not is_tag(typed)
    with pytest.raises(TagInvalidError):
        read_tag(typed)


@given(st.text(max_size=40))
def test_a_tag_read_again_is_the_same(typed: str) -> None:
    try:
        tag = read_tag(typed)
    except TagInvalidError:
        return
    assert read_tag(tag) == tag
