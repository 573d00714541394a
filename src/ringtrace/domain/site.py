"""A web site whose visitors are shown numbers of its pool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """`origins` may ask for numbers; `swap` are the page's own numbers (E.164) to be replaced.

    A visitor whose call would be mixed up with a probability above `extensions_above` is shown an
    extension beside the number; None: nobody is.
    """

    account_id: int
    key: str
    name: str
    origins: tuple[str, ...]
    swap: tuple[str, ...]
    extensions_above: float | None = None
