"""What callers are told and asked."""

import pytest

from ringtrace.domain.prompt import FILE_SECONDS, Prompt, for_extension, for_unknown, language_of


@pytest.mark.parametrize(
    ("region", "language"), [("DE", "de-DE"), ("KZ", "ru-RU"), ("US", "en-US"), ("JP", "en-US")]
)
def test_an_extension_is_asked_for_in_the_language_of_the_region(
    region: str, language: str
) -> None:
    assert for_extension(region).language == language


@pytest.mark.parametrize(
    ("language", "word"),
    [("de", "unbekannt"), ("DE-at", "unbekannt"), ("en-GB", "unknown"), ("ja-JP", "unknown")],
)
def test_the_unknown_has_a_word_in_the_language(language: str, word: str) -> None:
    assert for_unknown(language).other == word


def test_a_text_takes_as_long_as_it_is_and_a_file_as_long_as_most() -> None:
    assert Prompt("x" * 30, "en").about_seconds == 2
    assert Prompt("", "en", "notice.wav").about_seconds == FILE_SECONDS


def test_a_file_is_read_by_its_name() -> None:
    assert Prompt("Hello.", "en").words == "Hello."
    assert Prompt("", "en", "notice.wav").words == "notice.wav"


def test_callers_in_a_country_are_spoken_to_in_its_language() -> None:
    assert [language_of(region) for region in ("AT", "US", "FI")] == ["de-DE", "en-US", "en-US"]
