"""Charts drawn on the server as SVG, with sizes in attributes: the pages allow no inline style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ringtrace.domain.calibration import Band

_SLIVER = 0.8
"""Per cent of the width; less is not seen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a bar, from and to as shares of its whole length; `tone` is a class of the sheet."""

    start: float
    stop: float
    tone: str


def bar(segments: Sequence[Segment]) -> Markup:
    """One horizontal bar that fills its cell. It says nothing a reader could not read beside it."""
    drawn = Markup("").join(_segment(one) for one in segments if one.stop > one.start)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"'
        ' focusable="false"><rect class="bar-track" width="100" height="8"/>{}</svg>'
    ).format(drawn)


def share_bar(share: float, tone: str = "accent") -> Markup:
    return bar([Segment(0.0, min(1.0, max(0.0, share)), tone)])


def _segment(one: Segment) -> Markup:
    start = one.start * 100
    width = max(_SLIVER, (one.stop - one.start) * 100)
    start = min(start, 100 - width)
    return Markup('<rect class="bar-{}" x="{}" width="{}" height="8"/>').format(
        one.tone, f"{start:.2f}", f"{width:.2f}"
    )


_LEFT, _TOP, _SIDE = 62, 12, 250
"""Where the square of a reliability chart lies, and how long its sides are."""
_TICKS = (0, 25, 50, 75, 100)
_LEAST_DOT, _MOST_DOT = 3.5, 8.0


def reliability(bands: Sequence[Band]) -> Markup:
    """Stated to the right, come true upwards; on the diagonal both agree. A table says the same."""
    most = max((band.calls for band in bands), default=1)
    return Markup(
        '<svg class="chart" viewBox="0 0 332 306" role="img" aria-label="Stated probability and'
        ' what came true, band by band; the table has the figures.">{}'
        '<line class="chart-exact" x1="{}" y1="{}" x2="{}" y2="{}"/>{}</svg>'
    ).format(
        _axes(), *_place(0, 0), *_place(1, 1),
        Markup("").join(_dot(band, most) for band in bands),
    )  # fmt: skip


def _place(stated: float, realised: float) -> tuple[str, str]:
    return f"{_LEFT + _SIDE * stated:.1f}", f"{_TOP + _SIDE * (1 - realised):.1f}"


def _axes() -> Markup:
    lines = Markup("").join(
        Markup(
            '<line class="chart-grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
            '<line class="chart-grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        ).format(
            *_place(tick / 100, 0), *_place(tick / 100, 1),
            *_place(0, tick / 100), *_place(1, tick / 100),
        )
        for tick in _TICKS
    )  # fmt: skip
    under, beside = _TOP + _SIDE, _LEFT + _SIDE / 2
    words = Markup("").join(
        Markup(
            '<text x="{}" y="{}" text-anchor="middle">{} %</text>'
            '<text x="{}" y="{}" text-anchor="end" dominant-baseline="middle">{} %</text>'
        ).format(
            _place(tick / 100, 0)[0], under + 17, tick, _LEFT - 8, _place(0, tick / 100)[1], tick
        )
        for tick in _TICKS
    )
    names = Markup(
        '<text x="{}" y="{}" text-anchor="middle">stated</text>'
        '<text x="12" y="{}" text-anchor="middle" transform="rotate(-90 12 {})">came true</text>'
    ).format(beside, under + 36, _TOP + _SIDE / 2, _TOP + _SIDE / 2)
    return lines + words + names


def _dot(band: Band, most: int) -> Markup:
    """Its area grows with the calls, and its line is the interval of what came true."""
    radius = max(_LEAST_DOT, _MOST_DOT * math.sqrt(band.calls / most))
    x, y = _place(band.stated, band.realised)
    _, low = _place(0, band.realised_low)
    _, high = _place(0, band.realised_high)
    return Markup(
        "<g><title>{} calls: stated {:.0f} %, came true {:.0f} %</title>"
        '<line class="chart-reach" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<circle class="chart-dot" cx="{}" cy="{}" r="{:.1f}"/></g>'
    ).format(band.calls, band.stated * 100, band.realised * 100, x, low, x, high, x, y, radius)
