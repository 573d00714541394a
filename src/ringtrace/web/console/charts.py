"""Charts drawn on the server as SVG, with sizes in attributes: the pages allow no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

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
