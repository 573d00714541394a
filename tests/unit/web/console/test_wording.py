import pytest

from ringtrace.domain.account import ISSUED_KINDS
from ringtrace.domain.attribution import Basis
from ringtrace.domain.blocklist import Treatment
from ringtrace.domain.call import GatewayKind, Outcome, PlanSource, Reason
from ringtrace.domain.screening import Passage, Rule
from ringtrace.domain.visit import Device, HitKind
from ringtrace.web.console import wording


def test_every_value_of_every_closed_list_has_words() -> None:
    assert set(wording.OUTCOMES) == set(wording.TONES) == set(Outcome)
    assert set(wording.REASONS) == set(Reason)
    assert set(wording.PLAN_SOURCES) == set(PlanSource)
    assert set(wording.GATEWAYS) == set(GatewayKind)
    assert set(wording.BASES) == set(Basis)
    assert set(wording.TOKENS) == set(ISSUED_KINDS)
    assert set(wording.DEVICES) == set(Device)
    assert set(wording.HITS) == set(HitKind)
    assert set(wording.RULES) == set(Rule)
    assert set(wording.PASSAGES) == set(Passage)
    assert set(wording.TREATMENTS) == set(Treatment)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.001, "< 1 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.9996, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_only_certainty_is_called_certain(share: float, text: str) -> None:
    assert wording.percent(share) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (12, "12"), (11.97, "12"), (11.44, "11.4"), (1234.5, "1,234.5")]
)
def test_expected_counts_show_a_decimal_where_they_are_not_whole(count: float, text: str) -> None:
    assert wording.expected(count) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (37.6, 45.3, ("38", "45")),
        (0.0, 1.0, ("0", "1")),
        (0.995, 3.0, ("1", "3")),
        (0.0, 0.4, ("0", "1")),
        (1_203.2, 1_310.0, ("1,204", "1,310")),
        (7.0, 7.0, None),
        (6.999, 7.0, None),
    ],
)
def test_an_interval_is_said_in_whole_calls(
    low: float, high: float, text: tuple[str, str] | None
) -> None:
    assert wording.between(low, high) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, wording.NONE), (0, "0:00"), (59.6, "1:00"), (760, "12:40"), (3723, "1:02:03")],
)
def test_lengths(seconds: float | None, text: str) -> None:
    assert wording.length(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(41, "0:41"), (59.9996, "1:00"), (3.5, "0:03.5"), (3723.25, "1:02:03.25")]
)
def test_exact_lengths(seconds: float, text: str) -> None:
    assert wording.exact_length(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min")]
)
def test_totals(seconds: float, text: str) -> None:
    assert wording.long_length(seconds) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "a moment"), (1_000, "1 second"), (300_000, "5 minutes"), (172_800_000, "2 days")],
)
def test_how_long_before(ms: int, text: str) -> None:
    assert wording.ago(ms) == text


def test_a_rate_of_nothing_is_none() -> None:
    assert wording.rate(0, 0) == wording.NONE
    assert wording.rate(1, 3) == "33.3 %"
