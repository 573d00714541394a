"""The extensions of a pool's numbers: which visitor was given which."""

from collections import defaultdict
from collections.abc import Mapping

from ringtrace.domain.extension import code, next_turn


class Codes:
    """Codes of a number are given out in turn, so the one used again is the oldest. O(1) each.

    A visitor keeps his code until somebody else is given it, or he another. `turns` are those to
    come by number, as an earlier run left them.
    """

    def __init__(self, turns: Mapping[str, int]) -> None:
        self._turns: defaultdict[str, int] = defaultdict(int, turns)
        self._by_visitor: dict[str, tuple[str, str]] = {}
        self._visitors: dict[tuple[str, str], str] = {}

    def of(self, visitor: str) -> tuple[str, str] | None:
        """The number and the code that the visitor has."""
        return self._by_visitor.get(visitor)

    def give(self, number: str, visitor: str) -> str:
        """The code to show to `visitor` beside `number`."""
        given = code(self._turns[number])
        self.follow(number, visitor, given)
        return given

    def follow(self, number: str, visitor: str, given: str) -> None:
        """The next code in turn was given out; elsewhere, too, it is the next one then."""
        self._turns[number] = next_turn(given)
        self.restore(number, visitor, given)

    def restore(self, number: str, visitor: str, given: str) -> None:
        """The visitor was shown the code; those of one number are told in order."""
        key = (number, given)
        former = self._visitors.get(key)
        if former is not None and self._by_visitor.get(former) == key:
            del self._by_visitor[former]
        self._visitors[key] = visitor
        self._by_visitor[visitor] = key

    def drop(self, visitor: str) -> None:
        """The visitor is shown another number, without a code."""
        self._by_visitor.pop(visitor, None)
