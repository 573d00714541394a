"""A web site whose visitors are shown numbers of its pool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """`origins` may ask for numbers; `swap` are the page's own numbers (E.164) to be replaced."""

    account_id: int
    key: str
    name: str
    origins: tuple[str, ...]
    swap: tuple[str, ...]
