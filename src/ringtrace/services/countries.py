"""What countries are called."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

_UNLISTED: Final = {"AC": "Ascension Island", "TA": "Tristan da Cunha", "XK": "Kosovo"}
"""They have telephone numbers, but no entry of their own in the standard."""


def some_countries(codes: Sequence[str], own: str | None = None) -> str:
    """Their names for a sentence, the first ones of many; `codes` are ISO 3166 alpha-2.

    `own` comes first, and is called so.
    """
    names = [name_of(code) for code in codes if code != own]
    if own is not None and own in codes:
        names.insert(0, f"{name_of(own)} (your own country)")
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED - 1 :] = [f"{len(names) - _MOST_NAMED + 1} other countries"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


_MOST_NAMED: Final = 3


def name_of(code: str) -> str:
    """In English; the code itself of one that nobody knows."""
    return _names().get(code, code)


@cache
def _names() -> Mapping[str, str]:
    """As the time zone database, which we bring for other reasons, has them (iso3166.tab)."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return _UNLISTED | {code: name for code, name in lines}  # noqa: C416 - of lists
