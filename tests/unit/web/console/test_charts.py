import re

import pytest

from ringtrace.web.console.charts import Segment, bar, share_bar


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


def test_a_bar_brings_no_style_of_its_own() -> None:
    """The content security policy allows none."""
    assert "style" not in share_bar(0.5)
