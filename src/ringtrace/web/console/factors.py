"""What spoke for a candidate, in words: the factors of its weight."""

import re

from ringtrace.domain.attribution import Why
from ringtrace.web.console import wording

_LEFT = re.compile(r"left (\d+) s ago or more").fullmatch
_HALF = 0.5


def factors(why: Why) -> tuple[tuple[str, str], ...]:
    """Names and values; a factor that changes nothing is left out."""
    multiplied = (
        ("Keyword", why.keyword),
        ("Device", why.device),
        ("Contact page", why.contact),
    )
    said = [
        ("State", f"{_state(why.state)}: {wording.once_in(why.hazard)} of one sure to call"),
        ("Channel", f"{why.channel * 100:.3g} calls per 100 visits"),
        *((name, wording.times(factor)) for name, factor in multiplied if factor != 1),
        ("Caller", f"{_caller(why)}: {wording.times(why.caller)}"),
    ]
    if why.free < 1:
        called = wording.percent(1 - why.free)
        probably = "probably had" if why.free < _HALF else "may have"
        said.append(("Before", f"{probably} called already ({called}): {wording.times(why.free)}"))
    if why.tap > 0:
        said.append(("Tap", f"tapped the number just before: + {wording.once_in(why.tap)}"))
    return (*said, ("Together", wording.once_in(why.weight)))


def _state(name: str) -> str:
    left = _LEFT(name)
    return f"left at least {wording.ago(int(left[1]) * 1_000)} before" if left else name


def _caller(why: Why) -> str:
    if why.known is None:
        return "withheld number"
    if why.known:
        fits = why.own >= _HALF
        return "called before as this visitor" if fits else "called before, not as this visitor"
    return (
        "new number"
        if why.caller >= _HALF
        else "new number, but the visitor has called from another"
    )
