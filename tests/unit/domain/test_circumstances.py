"""Which conditions the circumstances of a call meet."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ringtrace.domain.circumstances import Circumstances, country_of, is_personal, meets
from ringtrace.domain.flow import When
from ringtrace.domain.hours import Hours

NOON = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1_000)
HOURS = {"open": Hours("UTC", mon=("12:00-13:00",)), "shut": Hours("UTC", mon=("13:00-14:00",))}
CALL = Circumstances(
    number="+12025550100",
    at=NOON,
    caller="+4930901820",
    called_before=True,
    channel="Paid Search",
    campaign="Spring Sale",
    tags=("berlin", "vip"),
)
STRANGER = Circumstances(number="+12025550100", at=NOON)


@pytest.mark.parametrize(
    "when",
    [
        When(),
        When(hours="open"),
        When(caller_prefix=("+1", "+49")),
        When(caller_country=("AT", "DE")),
        When(withheld=False),
        When(repeat_caller=True),
        When(channel=("Direct", "paid search")),
        When(campaign=("spring sale",)),
        When(tag=("contract", "vip")),
        When(hours="open", caller_prefix=("+4930",), channel=("Paid Search",)),
    ],
)
def test_conditions_that_hold(when: When) -> None:
    assert meets(CALL, when, HOURS)


@pytest.mark.parametrize(
    "when",
    [
        When(hours="shut"),
        When(caller_prefix=("+1", "+43")),
        When(caller_country=("AT", "US")),
        When(withheld=True),
        When(repeat_caller=False),
        When(channel=("Direct",)),
        When(campaign=("spring",)),
        When(tag=("contract",)),
        When(hours="open", channel=("Direct",)),
    ],
)
def test_one_condition_that_does_not_hold_is_enough(when: When) -> None:
    assert not meets(CALL, when, HOURS)


@pytest.mark.parametrize(
    "when",
    [
        When(caller_prefix=("+1",)),
        When(caller_country=("US",)),
        When(channel=("Paid Search",)),
        When(campaign=("spring sale",)),
        When(repeat_caller=True),
        When(tag=("vip",)),
    ],
)
def test_what_is_unknown_holds_nowhere(when: When) -> None:
    assert not meets(STRANGER, when, HOURS)


def test_a_withheld_number_is_a_condition() -> None:
    assert meets(STRANGER, When(withheld=True), HOURS)


@pytest.mark.parametrize(
    "when",
    [
        When(hours="shut"),
        When(caller_prefix=("+1",)),
        When(caller_country=("US",)),
        When(withheld=False),
        When(repeat_caller=False),
    ],
)
def test_the_caller_and_the_moment_make_an_answer_personal(when: When) -> None:
    assert is_personal(STRANGER, when)


@pytest.mark.parametrize(
    "when", [When(channel=("Direct",)), When(campaign=("x",)), When(tag=("contract",))]
)
def test_only_a_known_visit_or_caller_makes_an_answer_personal(when: When) -> None:
    assert is_personal(CALL, when)
    assert not is_personal(STRANGER, when)


def test_no_condition_is_not_personal() -> None:
    assert not is_personal(CALL, When())


@pytest.mark.parametrize(
    ("caller", "country"),
    [("+4930901820", "DE"), ("+12025550177", "US"), (None, None), ("anonymous", None)],
)
def test_a_number_has_a_country(caller: str | None, country: str | None) -> None:
    assert country_of(caller) == country
    assert not meets(replace(CALL, caller=None), When(caller_country=("DE",)), HOURS)
