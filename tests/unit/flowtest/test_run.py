"""Cases are run, and what differs is told."""

import tomllib

import pytest

from ringtrace.flowtest.cases import read_cases
from ringtrace.flowtest.run import Difference, Verdict, run

ANSWERED = """
[[flow.step]]
do = "announce"
say = "Recorded."

[[flow.step]]
do = "dial"
targets = ["+12025550191", "+12025550192"]

[[case]]
target = [{ to = "+12025550191", code = 486 }, { to = "+12025550192", answers = 3, talk = 20 }]
"""


def verdict(expected: str) -> Verdict:
    [one] = run(read_cases(tomllib.loads(ANSWERED + f"[case.expect]\n{expected}\n")))
    return one


@pytest.mark.parametrize(
    "expected",
    [
        'outcome = "answered"',
        'reason = "none"',
        "code = 200",
        'target = "+12025550192"',
        'digits = "none"',
        "recorded = true",
        "recorded = 20",
        "recorded = 20.5",
        "ends_after = 24",
        "ends_after = 23.3",
        'heard = ["Recorded", "ringback"]',
        'legs = [{ to = "+12025550191" }, { to = "+12025550192" }]',
        (
            'legs = [{ to = "+12025550191", reason = "operator_busy" },'
            ' { to = "+12025550192", reason = "none" }]'
        ),
    ],
)
def test_what_is_so_passes(expected: str) -> None:
    assert verdict(expected).passed


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        ('outcome = "missed"', "outcome"),
        ('reason = "operator_busy"', "reason"),
        ("code = 486", "code"),
        ('target = "+12025550191"', "target"),
        ('digits = "4217"', "digits"),
        ("recorded = false", "recorded"),
        ("recorded = 21", "recorded"),
        ("recorded = 0", "recorded"),
        ("ends_after = 23", "ends_after"),
        ('heard = ["Recorded"]', "heard"),
        ('heard = ["ringback", "Recorded"]', "heard"),
        ("heard = []", "heard"),
        ("legs = []", "legs"),
        ('legs = [{ to = "+12025550192" }, { to = "+12025550191" }]', "legs"),
        ('legs = [{ to = "+12025550191", reason = "none" }, { to = "+12025550192" }]', "legs"),
        (
            'legs = [{ to = "+12025550191" }, { to = "+12025550192", reason = "operator_busy" }]',
            "legs",
        ),
    ],
)
def test_what_is_not_so_is_named(expected: str, field: str) -> None:
    assert [one.field for one in verdict(expected).differences] == [field]


def test_a_difference_says_what_was_expected_and_what_happened() -> None:
    wrong = verdict('outcome = "missed"\nlegs = [{ to = "+1", reason = "none" }]\nheard = []')

    assert wrong.differences == (
        Difference("outcome", "missed", "answered"),
        Difference("legs", "+1 none", "+12025550191 operator_busy | +12025550192 none"),
        Difference("heard", "nothing", "Recorded. | ringback"),
    )
    assert not wrong.passed


def test_lengths_are_told_in_seconds() -> None:
    wrong = verdict("recorded = 3\nends_after = 4")

    assert wrong.differences == (
        Difference("recorded", "3.0 s", "20.0 s"),
        Difference("ends_after", "4.0 s", "23.7 s"),
    )


def test_a_case_without_a_name_is_known_by_its_place() -> None:
    assert verdict("code = 200").name == "case[0]"
