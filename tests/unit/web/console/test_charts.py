import re

import pytest

from ringtrace.domain.calibration import Band
from ringtrace.web.console.charts import Segment, bar, reliability, share_bar


def _parts(drawn: str) -> list[tuple[str, float, float]]:
    found = re.findall(r'<rect class="bar-(\w+)" x="([\d.]+)" width="([\d.]+)"', drawn)
    return [(tone, float(x), float(width)) for tone, x, width in found]


@pytest.mark.parametrize(("share", "width"), [(0.25, 25), (1, 100), (1.7, 100), (0.0001, 0.8)])
def test_a_bar_is_as_long_as_its_share_and_never_too_short_to_see(
    share: float, width: float
) -> None:
    assert _parts(share_bar(share)) == [("accent", 0, width)]


def test_nothing_is_drawn_for_nothing() -> None:
    assert _parts(share_bar(0)) == []


def test_segments_stay_inside_the_bar() -> None:
    drawn = bar([Segment(0, 0.4, "ring"), Segment(0.999, 1, "talk")])

    assert _parts(drawn) == [("ring", 0, 40), ("talk", 99.2, 0.8)]


def test_charts_bring_no_style_of_their_own() -> None:
    """The content security policy allows none."""
    assert "style" not in share_bar(0.5)
    assert "style" not in reliability([Band(0.0, 0.1, 3, 0.05, 0.0, 0.0, 0.5)])


def test_a_band_is_a_dot_where_it_was_stated_and_came_true_with_its_interval() -> None:
    drawn = reliability([Band(0.2, 0.3, 4, 0.25, 0.5, 0.1, 0.9), Band(0.9, 1, 100, 1, 1, 0.9, 1)])

    reach = re.findall(
        r'chart-reach" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', drawn
    )
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', drawn)
    corners = re.search(
        r'chart-exact" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', drawn
    )
    assert corners is not None
    left, bottom, right, top = map(float, corners.groups())
    side = right - left
    assert bottom - top == side
    (x, y, small), (last_x, last_y, large) = (tuple(map(float, dot)) for dot in dots)
    assert (x, y) == pytest.approx((left + 0.25 * side, bottom - 0.5 * side), abs=0.1)
    assert (last_x, last_y) == (right, top)
    assert 0 < small < large
    x1, low, x2, high = map(float, reach[0])
    assert x1 == x2 == x
    assert (low, high) == pytest.approx((bottom - 0.1 * side, bottom - 0.9 * side), abs=0.1)
    assert "4 calls: stated 25 %, came true 50 %" in drawn


def test_without_bands_there_are_only_axes() -> None:
    assert "chart-dot" not in reliability([])
