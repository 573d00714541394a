"""The factors of a candidate's weight, in words."""

from dataclasses import replace

import pytest

from ringtrace.domain.attribution import Why
from ringtrace.web.console.factors import factors

WHY = Why(
    state="on page (desktop)", hazard=0.001, channel=0.02, keyword=1.0, device=1.0, contact=1.0,
    tap=0.0, free=1.0, caller=1.0, weight=2e-5, known=False,
)  # fmt: skip


def said(why: Why) -> dict[str, str]:
    # The sign of multiplication is a letter to people who search a page.
    return {name: words.replace("\u00d7", "x") for name, words in factors(why)}


def test_a_factor_that_changes_nothing_is_left_out() -> None:
    assert said(WHY) == {
        "State": "on page (desktop): one call in 16 minutes of one sure to call",
        "Channel": "2 calls per 100 visits",
        "Caller": "new number: x 1.00",
        "Together": "one call in 13 hours",
    }


def test_what_speaks_for_or_against_is_said() -> None:
    found = said(replace(WHY, keyword=1.3, device=0.9, contact=4.0, tap=0.06))

    assert (found["Keyword"], found["Device"], found["Contact page"]) == (
        "x 1.30",
        "x 0.90",
        "x 4.00",
    )
    assert found["Tap"] == "tapped the number just before: + one call in 16 seconds"


def test_the_time_since_a_visitor_left_is_said_in_round_units() -> None:
    found = said(replace(WHY, state="left 7267 s ago or more", hazard=0.0))

    assert found["State"] == "left at least 2 hours before: no call of one sure to call"


@pytest.mark.parametrize(
    ("known", "own", "factor", "words"),
    [
        (None, 0.0, 0.08, "withheld number: x 0.08"),
        (False, 0.0, 1.0, "new number: x 1.00"),
        (False, 0.0, 0.1, "new number, but the visitor has called from another: x 0.10"),
        (True, 0.9, 0.9, "called before as this visitor: x 0.90"),
        (True, 0.9, 0.01, "called before as this visitor: x 0.01"),
        (True, 0.1, 0.0001, "called before, not as this visitor: x < 0.01"),
    ],
)
def test_the_caller_is_known_or_another(
    known: bool | None, own: float, factor: float, words: str
) -> None:
    assert said(replace(WHY, known=known, own=own, caller=factor))["Caller"] == words


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (0.9, "may have called already (10 %): x 0.90"),
        (0.2, "probably had called already (80 %): x 0.20"),
    ],
)
def test_who_has_called_already_hardly_calls_again(free: float, words: str) -> None:
    assert said(replace(WHY, free=free))["Before"] == words
