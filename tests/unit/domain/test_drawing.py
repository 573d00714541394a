"""Drawn calls follow the shipped hazard."""

import numpy as np
import pytest

from ringtrace.domain.drawing import draw
from ringtrace.domain.history import History, Hit, gather
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.placing import Placement
from ringtrace.domain.visit import Device, HitKind

DIRECT = ("Direct", None)


def visits(
    count: int, *kinds: HitKind, device: Device = Device.DESKTOP, after: int = DAY_MS
) -> History:
    """Visits that all begin at 0, do `kinds` 10 s apart, and a last one `after` them."""
    hits = [
        Hit(10_000 * step, f"v{n}", f"p{n}", kind, DIRECT, device)
        for n in range(count)
        for step, kind in enumerate([HitKind.PAGE, *kinds])
    ]
    end = Hit(after, "end", "end", HitKind.BEAT, DIRECT)
    return gather([*hits, end], fill_ms=0)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_desktop_visitor_on_page_calls_at_the_tables_rates() -> None:
    history = visits(30_000, *[HitKind.BEAT] * 5, after=50_000)

    found = draw(history, rng())

    expected = 30_000 * SHIPPED.calls_per_visit * SHIPPED.contact[0]
    expected *= 15 * SHIPPED.hazard[0] + 35 * SHIPPED.hazard[1]
    assert len(found) == pytest.approx(expected, abs=3 * expected**0.5)
    assert found.counts[Placement.DRAWN] == len(found)
    assert (np.diff(found.at) >= 0).all()


def test_a_mobile_that_just_left_calls_within_seconds() -> None:
    """The dialer hides the page; after 15 s the visitor is one who left."""
    found = draw(visits(30_000, HitKind.LEAVE, device=Device.MOBILE), rng())

    left = found.at[found.at >= 10_000] - 10_000
    assert (left < 15_000).sum() > (left >= 15_000).sum()
    assert (left >= 15_000).any()


def test_a_tap_is_soon_followed_by_a_call_of_every_other_visitor() -> None:
    found = draw(visits(2_000, HitKind.TAP), rng())

    assert 0.3 < len(found) / 2_000 < 0.8
    assert (found.at >= 10_000).mean() > 0.9
    assert (found.at < 10_000 + 20_000).mean() > 0.9


def test_the_contact_page_multiplies_what_comes_after_it() -> None:
    plain = draw(visits(30_000, HitKind.BEAT), rng())
    contact = draw(visits(30_000, HitKind.CONTACT), rng())

    late, more = ((one.at >= 10_000).sum() for one in (plain, contact))
    before, after = SHIPPED.contact
    assert more / late == pytest.approx(after / before, rel=0.35)


def test_a_visit_calls_once_and_as_its_visitor() -> None:
    history = visits(2_000, HitKind.TAP, HitKind.TAP, HitKind.TAP)

    found = draw(history, rng())

    assert len(set(found.visit.tolist())) == len(found)
    assert found.caller.tolist() == history.visitor[found.visit].tolist()


def test_nobody_calls_before_his_visit_or_after_the_history() -> None:
    found = draw(visits(5_000, HitKind.LEAVE, after=DAY_MS), rng())

    assert found.at.min() >= 0
    assert found.at.max() <= DAY_MS


def test_no_visit_calls_later_than_the_window() -> None:
    found = draw(visits(30_000, HitKind.LEAVE, after=40 * DAY_MS), rng())

    assert found.at.max() <= 14 * DAY_MS
    assert (found.at > 7 * DAY_MS).any()


def test_the_same_seed_draws_the_same_calls() -> None:
    history = visits(5_000, HitKind.LEAVE)

    first, again = draw(history, rng()), draw(history, rng())

    assert first.at.tolist() == again.at.tolist()
    assert first.visit.tolist() == again.visit.tolist()
