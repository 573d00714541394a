"""The cases that a user declares."""

import tomllib
from datetime import UTC, datetime

import pytest

from ringtrace.domain.circumstances import Circumstances
from ringtrace.domain.flow import Flow
from ringtrace.domain.rehearsal import Caller, Party
from ringtrace.flowtest.cases import CasesInvalidError, read_cases

FLOW = """
[[flow.step]]
do = "dial"
targets = [{ to = "+12025550191", ring_seconds = 25 }]
"""
GOOD = FLOW + '[[case]]\nexpect = { outcome = "missed" }\n'
FULL = """
[[case]]
name = "all of it"
at = 2026-11-23T10:00:00+01:00
number = "+12025550101"
caller = "withheld"
last_target = "+12025550191"
tags = ["vip"]
visit = { channel = "Direct", campaign = "c", keyword = "k" }
turn = 3
chance = 0.5
keys = [[3, "1"], [4.5, "#"]]
hangs_up = 30
target = [{ to = "+12025550191", answers = 2, after = 0.5, talk = 4, keys = [[1, "*"]], calls = 2 }]
expect = { recorded = 4, ends_after = 6 }
"""


def test_a_case_is_read() -> None:
    cases = read_cases(tomllib.loads(FLOW + FULL))
    [case] = cases.case

    assert cases.flow == Flow.ringing(["+12025550191"])
    assert case.circumstances("en-US") == Circumstances(
        number="+12025550101",
        at=round(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp() * 1_000),
        caller=None,
        called_before=True,
        last_target="+12025550191",
        tags=("vip",),
        channel="Direct",
        campaign="c",
        keyword="k",
        turn=3,
        chance=0.5,
    )
    assert case.caller_does() == Caller(30, ((3, "1"), (4.5, "#")))
    assert case.parties() == {"+12025550191": Party(2, None, 0.5, 4, ((1, "*"),), 2)}


def test_a_case_needs_only_what_is_expected() -> None:
    [case] = read_cases(tomllib.loads(GOOD)).case

    now = case.circumstances("en-US")
    assert now.caller == "+12025550177"
    assert not now.called_before
    assert now.ask is None
    assert datetime.fromtimestamp(now.at / 1_000, UTC).strftime("%a %H:%M") == "Mon 12:00"


def test_the_question_for_an_extension_is_in_the_language_of_the_flow() -> None:
    text = FLOW + '[[case]]\nasks = true\nexpect = { outcome = "missed" }\n'
    [case] = read_cases(tomllib.loads(text)).case

    ask = case.circumstances("de-DE").ask

    assert ask is not None
    assert ask.prompt.language == "de-DE"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "flow"),
        (FLOW, "case"),
        ("case = []\n" + FLOW, "case"),
        (GOOD + 'mood = "good"', "case[0].mood"),
        (GOOD + "[[case]]", "case[1].expect"),
        (GOOD + "[[case]]\nexpect = {}", "case[1].expect"),
        (GOOD + "[[case]]\nexpect = { length = 5 }", "case[1].expect.length"),
        (GOOD + '[[case]]\nexpect = { reason = "moody" }', "case[1].expect.reason"),
        (GOOD + "at = 2026-11-23T10:00:00", "case[0].at"),
        (GOOD + 'number = "12"', "case[0].number"),
        (GOOD + 'caller = "nobody"', "case[0].caller"),
        (GOOD + 'tags = ["vip", "VIP"]', "case[0].tags[1]"),
        (GOOD + 'tags = ["two words"]', "case[0].tags[0]"),
        (GOOD + 'keys = [[1, "12"]]', "case[0].keys[0][1]"),
        (GOOD + "hangs_up = -1", "case[0].hangs_up"),
        (GOOD + "chance = 1.0", "case[0].chance"),
        (GOOD + 'suspected = "moody"', "case[0].suspected"),
        (GOOD + 'suspected = "blocked"', "case[0].suspected"),
        (GOOD + 'suspected = "silent"\ncaller = "withheld"', "case[0].suspected"),
        (GOOD + 'blocked = true\ncaller = "withheld"', "case[0].blocked"),
        (GOOD + 'target = [{ to = "a" }, { to = "a" }]', "case[0].target[1].to"),
        (GOOD + 'target = [{ to = "a", answers = 1, code = 486 }]', "case[0].target[0].code"),
        (GOOD + 'target = [{ to = "a", code = 200 }]', "case[0].target[0].code"),
        (GOOD.replace('"+12025550191"', "7"), "flow.step[0].targets[0].to"),
        ("flow = { steps = [] }\n[[case]]\nexpect = { code = 480 }", "flow.steps"),
        ("flow = 7\n[[case]]\nexpect = { code = 480 }", "flow"),
    ],
)
def test_a_wrong_field_is_named(text: str, path: str) -> None:
    with pytest.raises(CasesInvalidError) as caught:
        read_cases(tomllib.loads(text))

    assert caught.value.path == path


def test_what_is_wrong_with_the_whole_has_no_path() -> None:
    error = CasesInvalidError("", "no table")

    assert str(error) == "no table"
