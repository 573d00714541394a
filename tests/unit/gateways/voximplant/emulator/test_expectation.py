"""A case's expectations are checked one by one, and what is unmet is named."""

import pytest

from ringtrace.gateways.voximplant.emulator import (
    Answer,
    Case,
    Expect,
    ExpectedLeg,
    Result,
    run,
    unmet,
)


@pytest.fixture(scope="module")
def result() -> Result:
    script = "VoxEngine.forwardCallToPSTN();"
    return run([script], Case("15550100101", answers=(Answer("*", answer=2, talk=5),)))


def test_expectations_that_are_met_leave_nothing(result: Result) -> None:
    legs = (ExpectedLeg("+15550100101", "answered", 200),)
    expect = Expect(("Call.Disconnected.*duration = 5",), "Normal termination", legs, 0)
    assert unmet(expect, result) == ()
    assert unmet(Expect(), result) == ()


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        (Expect(outcome_log=("^nothing$",)), "no log line matches"),
        (Expect(finish_reason="Timeout"), "expected 'Timeout'"),
        (Expect(legs=()), "1 legs were dialled, expected 0"),
        (Expect(legs=(ExpectedLeg("1", "answered"),)), "expected 1 answered any code"),
        (Expect(legs=(ExpectedLeg("15550100101", "busy"),)), "legs[0] is 15550100101 answered"),
        (Expect(legs=(ExpectedLeg("15550100101", "answered", 486),)), "answered 486"),
        (Expect(http_count=3), "http_count is 0, expected 3"),
    ],
)
def test_an_unmet_expectation_is_named(result: Result, expect: Expect, problem: str) -> None:
    (sentence,) = unmet(expect, result)
    assert problem in sentence
