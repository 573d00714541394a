"""Days of an account: what of them changed, and what they are made of when they are sealed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol


class Kind(StrEnum):
    """Of what there is a file for each day."""

    VISITS = "visits"
    HITS = "hits"
    EXPOSURES = "exposures"
    CALLS = "calls"
    CREDITS = "credits"


class Part(StrEnum):
    """Kinds that change, and are sealed, together."""

    TRAFFIC = "traffic"
    CALLS = "calls"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return _KINDS[self]

    @property
    def leaves(self) -> bool:
        """Whether its rows leave the store; till then none is ever deleted or changes its day."""
        return self is Part.TRAFFIC


_KINDS: Final[Mapping[Part, tuple[Kind, ...]]] = {
    Part.TRAFFIC: (Kind.VISITS, Kind.HITS, Kind.EXPOSURES),
    Part.CALLS: (Kind.CALLS, Kind.CREDITS),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What the store has of a part of a day (days since 1970 UTC).

    `mark` is another one after every write to that part: a file that was made of the same mark
    says what the store says. Of an `archived` day the lake has rows that the store has not; `left`
    when all that were to leave have left since it was written to last.
    """

    account_id: int
    part: Part
    day: int
    mark: int
    archived: bool = False
    left: bool = False


Row = Mapping[str, Any]
"""A row by column as store/lake/schema.py names them; times are ms since 1970 UTC."""


Key = tuple[Any, ...]
"""What tells rows of a kind and an account apart, as store/lake/schema.py names it."""


class DayRows(Protocol):
    """The rows of a store by the days they belong to, read beside its writer."""

    def snapshot(self) -> AbstractContextManager[None]:
        """What is read inside is as of one moment."""
        ...

    def changes(self, account_id: int | None = None) -> Sequence[Change]:
        """Oldest day first; of all accounts unless one is named."""
        ...

    def rows(self, account_id: int, kind: Kind, days: Collection[int]) -> Iterator[tuple[int, Row]]:
        """Each with its day, in any order. Ask inside a snapshot."""
        ...

    def sites(self, account_id: int) -> Mapping[str, str]:
        """By number, of those that belong to a site."""
        ...


class LeavingRows(AbstractContextManager["LeavingRows"], Protocol):
    """Takes rows of visits, hits and exposures out of a store, beside its writer.

    Each call is one short transaction, and waits afterwards so that others get their turn.
    """

    def begin(self, account_id: int, days: Sequence[Change]) -> Sequence[Change]:
        """From now on rows of these days may be in the lake alone.

        Returns those that were not written to since.
        """
        ...

    def drop(self, change: Change, kind: Kind, keys: Sequence[Key]) -> int | None:
        """Delete of these what nobody needs here any more: visits first.

        A visit stays that has a share in a call, or had a sign of life lately; hits and exposures
        stay with their visit. Returns how many rows went, None when the day was written to since.
        """
        ...

    def end(self, change: Change) -> bool:
        """All have left; False: the day was written to since."""
        ...
