"""How often one address and one site may ask."""

from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.services.limits import HitLimits
from ringtrace.services.neighbours import HitsTaken, News, NoNeighbour


def allowed(limits: HitLimits, times: int, *, address: str = "a", at: int = 0) -> int:
    return sum(limits.allow("site", address, at) for _ in range(times))


def test_an_address_has_a_burst_of_two_minutes_and_then_its_rate() -> None:
    limits = HitLimits(per_address=10)

    assert allowed(limits, 30) == 20
    assert allowed(limits, 30, at=30_000) == 5
    assert allowed(limits, 30, at=HOUR_MS) == 20


def test_addresses_do_not_use_up_each_others_share_but_a_site_has_one_too() -> None:
    limits = HitLimits(per_address=5, per_site=10)

    assert allowed(limits, 10, address="a") == 10
    assert allowed(limits, 20, address="b") == 10
    assert allowed(limits, 20, address="c") == 0


def test_a_clock_that_goes_back_gives_nothing_away_and_keeps_nobody_waiting_for_it() -> None:
    limits = HitLimits(per_address=10)
    allowed(limits, 20, at=HOUR_MS)

    assert allowed(limits, 10, at=0) == 0
    assert allowed(limits, 30, at=30_000) == 5


def test_no_address_is_kept_and_pseudonyms_do_not_outlive_the_day() -> None:
    limits = HitLimits()
    limits.allow("site", "192.0.2.1", DAY_MS - 1)
    first = set(limits._addresses)
    limits.allow("site", "192.0.2.1", DAY_MS)

    assert not any(b"192.0.2.1" in key for key in first)
    assert not first & set(limits._addresses)


class Neighbour(NoNeighbour):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seed = b"seed"
        self.heard: list[HitsTaken] = []

    def tell(self, news: News) -> None:
        assert isinstance(news, HitsTaken)
        self.heard.append(news)


def test_what_a_neighbour_let_through_is_taken_here_too_and_paid_back() -> None:
    neighbour = Neighbour()
    there = HitLimits(per_address=10, seed=b"seed", neighbours=neighbour)
    here = HitLimits(per_address=10, seed=b"seed")
    assert allowed(there, 30) == allowed(here, 30) == 20
    assert allowed(there, 1, at=300) == 0, "it tells the rest with whatever comes next"
    for news in neighbour.heard:
        here.hear_hits(news, 300)

    assert sum(sum(news.sites.values()) for news in neighbour.heard) == 20
    assert allowed(here, 1, at=119_000) == 0
    assert allowed(here, 10, at=126_000) == 1
    assert allowed(here, 30, address="b", at=126_000) == 20


def test_what_is_heard_first_counts_and_is_forgotten_with_the_day() -> None:
    neighbour = Neighbour()
    there = HitLimits(per_address=10, seed=b"seed", neighbours=neighbour)
    here = HitLimits(per_address=10, seed=b"seed")
    allowed(there, 20)
    allowed(there, 1, at=300)
    for news in neighbour.heard:
        here.hear_hits(news, 300)

    assert allowed(here, 20, at=300) == 0
    assert allowed(here, 30, at=DAY_MS) == 20


def test_others_cannot_tell_who_is_meant() -> None:
    neighbour = Neighbour()
    limits = HitLimits(seed=b"one", neighbours=neighbour)
    other = HitLimits(seed=b"another", neighbours=neighbour)
    for one in (limits, other):
        one.allow("site", "192.0.2.1", 1_000)
    first, second = neighbour.heard

    assert b"192.0.2.1" not in b"".join(first.addresses)
    assert first.addresses.keys() != second.addresses.keys()
