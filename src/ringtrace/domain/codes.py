"""The extensions of a pool's numbers: which visitor was given which."""

from collections import defaultdict

from ringtrace.domain.extension import CODES, code, turn_of


class Codes:
    """Codes of a number are given out in turn, so the one used again is the oldest. O(1) each.

    A visitor keeps his code until somebody else is given it, or he another.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[str, int] = defaultdict(int)
        self._by_visitor: dict[str, tuple[str, str]] = {}
        self._visitors: dict[tuple[str, str], str] = {}

    def of(self, visitor: str) -> tuple[str, str] | None:
        """The number and the code that the visitor has."""
        return self._by_visitor.get(visitor)

    def give(self, number: str, visitor: str) -> str:
        """The code to show to `visitor` beside `number`."""
        given = code(self._turns[number])
        self.restore(number, visitor, given)
        return given

    def restore(self, number: str, visitor: str, given: str) -> None:
        """The code was given to the visitor; those of one number are told in order."""
        self._turns[number] = (turn_of(given) + 1) % CODES
        key = (number, given)
        former = self._visitors.get(key)
        if former is not None and self._by_visitor.get(former) == key:
            del self._by_visitor[former]
        self._visitors[key] = visitor
        self._by_visitor[visitor] = key

    def drop(self, visitor: str) -> None:
        """The visitor is shown another number, without a code."""
        self._by_visitor.pop(visitor, None)
