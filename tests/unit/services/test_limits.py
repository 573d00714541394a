"""How often one address and one site may ask."""

from ringtrace.services.limits import HitLimits

DAY = 86_400_000


def allowed(limits: HitLimits, times: int, *, address: str = "a", at: int = 0) -> int:
    return sum(limits.allow("site", address, at) for _ in range(times))


def test_an_address_has_a_burst_of_two_minutes_and_then_its_rate() -> None:
    limits = HitLimits(per_address=10)

    assert allowed(limits, 30) == 20
    assert allowed(limits, 30, at=30_000) == 5
    assert allowed(limits, 30, at=3_600_000) == 20


def test_addresses_do_not_use_up_each_others_share_but_a_site_has_one_too() -> None:
    limits = HitLimits(per_address=5, per_site=10)

    assert allowed(limits, 10, address="a") == 10
    assert allowed(limits, 20, address="b") == 10
    assert allowed(limits, 20, address="c") == 0


def test_a_clock_that_goes_back_gives_nothing_away_and_keeps_nobody_waiting_for_it() -> None:
    limits = HitLimits(per_address=10)
    allowed(limits, 20, at=3_600_000)

    assert allowed(limits, 10, at=0) == 0
    assert allowed(limits, 30, at=30_000) == 5


def test_no_address_is_kept_and_pseudonyms_do_not_outlive_the_day() -> None:
    limits = HitLimits()
    limits.allow("site", "192.0.2.1", DAY - 1)
    first = set(limits._addresses)
    limits.allow("site", "192.0.2.1", DAY)

    assert not any(b"192.0.2.1" in key for key in first)
    assert not first & set(limits._addresses)
