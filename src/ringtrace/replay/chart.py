"""Shares by pool size as an SVG of its own, for light and dark grounds."""

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from ringtrace.domain.intervals import Share
from ringtrace.domain.sizing import Advice, Outcome, Sizing, Target

_PANEL, _HEIGHT, _TOP, _LEFT, _GAP = 270, 240, 104, 60, 34
_WIDTH: Final = _LEFT + 3 * _PANEL + 2 * _GAP + 24
_TOTAL_HEIGHT: Final = _TOP + _HEIGHT + 62
_MARGIN: Final = 14
_LABEL_APART: Final = 26

# Ours is a solid line with dots, the trade's a dashed one with squares: colour alone tells nothing.
_STYLE: Final = """
svg { color-scheme: light dark; }
text { font: 13px system-ui, sans-serif; fill: #151922; }
.ground { fill: #ffffff; } .muted { fill: #565e6e; } .head { font-weight: 650; font-size: 16px; }
.grid { stroke: #e2e5ea; } .target { stroke: #565e6e; stroke-dasharray: 2 4; }
.ours { stroke: #2b50d8; fill: #2b50d8; } .trade { stroke: #b9600f; fill: #b9600f; }
@media (prefers-color-scheme: dark) {
text { fill: #e9ebf0; } .ground { fill: #161a21; } .muted { fill: #9fa8b8; }
.grid { stroke: #282e39; } .target { stroke: #9fa8b8; }
.ours { stroke: #8ea6ff; fill: #8ea6ff; } .trade { stroke: #e0a04e; fill: #e0a04e; }
}
.line { fill: none; stroke-width: 2; } .trade.line { stroke-dasharray: 6 4; }
.band { stroke: none; fill-opacity: .18; }
"""


def draw_chart(sizing: Sizing, advice: Sequence[Advice]) -> str:
    """Right visit, channel and keyword side by side, with their 95 % intervals as bands."""
    panels = [
        _panel(sizing, target, _LEFT + position * (_PANEL + _GAP), advice)
        for position, target in enumerate(Target)
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}"'
        ' role="img" aria-label="Calls credited rightly by pool size">'
        "<style>{2}</style>"
        '<rect class="ground" width="{0}" height="{1}"/>{3}{4}{5}</svg>\n'
    ).format(_WIDTH, _TOTAL_HEIGHT, Markup(_STYLE), _head(), _ticks(), _join(panels))  # noqa: S704 - a constant of our own


def _head() -> Markup:
    return Markup(
        '<text class="head" x="{0}" y="28">Calls credited rightly, by numbers in the pool</text>'
        '<path class="ours line" d="M{0} 48h28"/><circle class="ours" cx="{1}" cy="48" r="3.5"/>'
        '<text x="{2}" y="53">Ringtrace</text>'
        '<path class="trade line" d="M{3} 48h28"/>'
        '<rect class="trade" x="{4}" y="45" width="6" height="6"/>'
        '<text x="{5}" y="53">the trade\u2019s practice</text>'
        '<text class="muted" x="{6}" y="53">bands: 95 % intervals</text>'
    ).format(_LEFT, _LEFT + 14, _LEFT + 36, _LEFT + 120, _LEFT + 131, _LEFT + 156, _LEFT + 310)


def _ticks() -> Markup:
    return _join(
        [
            Markup('<text class="muted" x="{}" y="{:.1f}" text-anchor="end">{} %</text>').format(
                _LEFT - 8, _y(tick / 100) + 4, tick
            )
            for tick in range(0, 101, 20)
        ]
    )


def _panel(sizing: Sizing, target: Target, left: int, advice: Sequence[Advice]) -> Markup:
    sizes = [one.numbers for one in sizing.sizes]
    at = _places(sizes, left)
    parts = [
        Markup('<text class="head" x="{}" y="{}">{}</text>').format(left, _TOP - 10, target),
        *(_rule(left, tick / 100, "grid") for tick in range(0, 101, 20)),
        *(_rule(left, one.share, "target") for one in advice if one.target is target),
        *_size_labels(sizes, at),
        Markup('<text class="muted" x="{}" y="{}" text-anchor="middle">numbers</text>').format(
            left + _PANEL / 2, _TOP + _HEIGHT + 44
        ),
    ]
    for tone in ("trade", "ours"):
        outcomes: list[Outcome] = [getattr(one, tone) for one in sizing.sizes]
        parts += _series([one.share(target) for one in outcomes], at, sizes, tone)
    return _join(parts)


def _series(
    shares: Sequence[Share], at: Sequence[float], sizes: Sequence[int], tone: str
) -> list[Markup]:
    upper = [f"{x:.1f},{_y(one.high):.1f}" for x, one in zip(at, shares, strict=True)]
    lower = [f"{x:.1f},{_y(one.low):.1f}" for x, one in zip(at, shares, strict=True)]
    if len(at) == 1:
        # A band needs a width to be seen.
        upper = [f"{at[0] + shift:.1f},{_y(shares[0].high):.1f}" for shift in (-5, 5)]
        lower = [f"{at[0] + shift:.1f},{_y(shares[0].low):.1f}" for shift in (-5, 5)]
    line = " ".join(f"{x:.1f},{_y(one.value):.1f}" for x, one in zip(at, shares, strict=True))
    found = [
        Markup('<polygon class="{} band" points="{}"/>').format(
            tone, " ".join([*upper, *reversed(lower)])
        ),
        Markup('<polyline class="{} line" points="{}"/>').format(tone, line),
    ]
    for x, one, size in zip(at, shares, sizes, strict=True):
        y = _y(one.value)
        mark = (
            Markup('<circle class="ours" cx="{:.1f}" cy="{:.1f}" r="3.5">').format(x, y)
            if tone == "ours"
            else Markup('<rect class="trade" x="{:.1f}" y="{:.1f}" width="6" height="6">').format(
                x - 3, y - 3
            )
        )
        end = Markup("</circle>") if tone == "ours" else Markup("</rect>")
        title = Markup("<title>{} numbers: {:.1f} % ({:.1f} to {:.1f} %)</title>").format(
            size, one.value * 100, one.low * 100, one.high * 100
        )
        found.append(mark + title + end)
    return found


def _size_labels(sizes: Sequence[int], at: Sequence[float]) -> list[Markup]:
    """As many as do not run into each other."""
    found: list[Markup] = []
    free_from = -math.inf
    for size, x in zip(sizes, at, strict=True):
        if x < free_from:
            continue
        free_from = x + _LABEL_APART
        found.append(
            Markup('<text class="muted" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                x, _TOP + _HEIGHT + 22, size
            )
        )
    return found


def _rule(left: int, share: float, tone: str) -> Markup:
    return Markup('<path class="{}" d="M{} {:.1f}h{}"/>').format(tone, left, _y(share), _PANEL)


def _places(sizes: Sequence[int], left: int) -> list[float]:
    """On a logarithmic axis; a single size stands in the middle."""
    low, high = math.log(sizes[0]), math.log(sizes[-1])
    if low == high:
        return [left + _PANEL / 2]
    width = _PANEL - 2 * _MARGIN
    return [left + _MARGIN + width * (math.log(one) - low) / (high - low) for one in sizes]


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)


def _join(parts: Sequence[Markup]) -> Markup:
    return Markup("").join(parts)
