"""How often something may happen."""

from ringtrace.gateways.sip.rate import Rate


def taken(rate: Rate, now: float, tries: int) -> int:
    count = 0
    for _ in range(tries):
        if rate.has_room(now):
            rate.take()
            count += 1
    return count


def test_a_seconds_worth_passes_at_once_and_then_the_rate() -> None:
    rate = Rate(5, 100.0)
    assert taken(rate, 100.0, 20) == 5
    assert taken(rate, 100.4, 20) == 2
    assert taken(rate, 200.0, 20) == 5


def test_what_passes_at_once_may_be_more_than_a_seconds_worth() -> None:
    rate = Rate(0.5, 100.0, most=3)
    assert taken(rate, 100.0, 20) == 3
    assert taken(rate, 102.0, 20) == 1


def test_a_rate_below_one_a_second_lets_one_pass() -> None:
    assert taken(Rate(0.1, 0.0), 0.0, 5) == 1
