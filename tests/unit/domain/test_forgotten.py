"""A forgotten caller cannot be named any more, and is the same one everywhere."""

import pytest

from ringtrace.domain.call import Outcome, Recording, Report
from ringtrace.domain.forgotten import anonymous, is_forgotten, mentions, pseudonym, spellings

NUMBER = "+12025550177"
KEY = b"k" * 32


def test_a_pseudonym_depends_on_the_key_the_account_and_the_number() -> None:
    name = pseudonym(KEY, 1, NUMBER)

    assert name == pseudonym(KEY, 1, NUMBER)
    others = {pseudonym(b"x" * 32, 1, NUMBER), pseudonym(KEY, 2, NUMBER), pseudonym(KEY, 1, "+1")}
    assert name not in others
    assert len(others) == 3
    assert is_forgotten(name)
    assert not is_forgotten(NUMBER)
    assert not is_forgotten(None)
    assert not mentions(name, NUMBER)


@pytest.mark.parametrize(
    "text", ["call 202-555-0177 back", "(202) 555 0177", "+1 202 555 01 77", "2025550177!"]
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert mentions(text, NUMBER)
    assert not mentions(text, "+12025550178")


def test_networks_write_a_number_in_four_ways() -> None:
    assert spellings("+4930123456", "030123456") == {
        "+4930123456", "4930123456", "004930123456", "030123456",
    }  # fmt: skip


def test_of_a_report_the_facts_remain() -> None:
    said = Report(
        number="+12025550101", caller=NUMBER, started_at=1, outcome=Outcome.ANSWERED, reason=None,
        code=200, target="+12025550191", ring_seconds=1.0, talk_seconds=2.0, legs=(),
        recording=Recording("https://platform.example/r", 2.0, 1), session="s", plan_source=None,
    )  # fmt: skip

    left = anonymous(said, "forgotten-x")

    assert (left.caller, left.recording, left.session) == ("forgotten-x", None, None)
    assert (left.outcome, left.talk_seconds, left.target) == (
        Outcome.ANSWERED, 2.0, "+12025550191",
    )  # fmt: skip
