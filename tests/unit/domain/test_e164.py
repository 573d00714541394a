import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from ringtrace.domain import number
from ringtrace.domain.e164 import is_e164
from ringtrace.domain.number import NumberInvalidError

_CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)
_NATIONAL = st.text("0123456789", max_size=16)


def _read(text: str) -> str | None:
    try:
        return number.read(text, None)
    except NumberInvalidError:
        return None


@settings(max_examples=2_000)
@given(code=st.sampled_from(_CODES), national=_NATIONAL)
def test_what_is_told_to_be_in_e164_is_read_as_itself(code: int, national: str) -> None:
    text = f"+{code}{national}"

    assert not is_e164(text) or _read(text) == text


@given(text=st.text("+0123456789 \N{ARABIC-INDIC DIGIT TWO}\n", max_size=20))
def test_no_text_is_told_to_be_in_e164_that_is_read_as_another(text: str) -> None:
    assert not is_e164(text) or _read(text) == text


@pytest.mark.parametrize(
    "text", ["+12025550123", "+442079460123", "+4915123456789", "+390612345678", "+79161234567"]
)
def test_usual_numbers_are_told(text: str) -> None:
    assert is_e164(text)


@pytest.mark.parametrize(
    "text",
    ["", "+", "12025550123", "+1202555012", "+11202555012", "+44 2079460123", "+2105550123456"],
)
def test_others_have_to_be_read(text: str) -> None:
    assert not is_e164(text)
