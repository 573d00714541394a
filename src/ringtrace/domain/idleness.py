"""Numbers in the order in which they fell idle; the longest idle one confuses least."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringtrace.domain.visit import ON_PAGE_MS


@dataclass(slots=True)
class Line:
    """One number: its last sign of life, who leased it last and for what, who is on page with it.

    The visits on page are in order of their last sign of life; `turn` counts the pool's leases.
    """

    number: str
    group: str
    seen_at: int = -1
    turn: int = 0
    visitor: str = ""
    keyword: str | None = None
    on_page: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def is_on_page(self, at: int) -> bool:
        """Whether anybody looks at a page with this number."""
        return bool(self.on_page) and at - self.seen_at < ON_PAGE_MS


class Idleness:
    """An order over some numbers. Every operation is O(1).

    It is kept by moving a number to the end at each of its signs of life, which therefore must
    come in order of time.
    """

    __slots__ = ("_arrivals", "_idle", "_live")

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        members = list(lines)
        by_sign = sorted(members, key=lambda line: line.seen_at)
        self._idle = OrderedDict((line.number, line) for line in by_sign if not line.on_page)
        self._live = OrderedDict((line.number, line) for line in by_sign if line.on_page)
        self._arrivals = OrderedDict(
            (line.number, line) for line in sorted(members, key=lambda line: line.turn)
        )

    def __len__(self) -> int:
        return len(self._arrivals)

    def sign(self, line: Line) -> None:
        """Somebody is on page with the number."""
        self._idle.pop(line.number, None)
        self._live[line.number] = line
        self._live.move_to_end(line.number)

    def rest(self, line: Line) -> None:
        """Nobody is on page with the number any more."""
        self._live.pop(line.number, None)
        self._idle[line.number] = line
        self._idle.move_to_end(line.number)

    def arrive(self, line: Line) -> None:
        """The number was leased."""
        self._arrivals[line.number] = line
        self._arrivals.move_to_end(line.number)

    def remove(self, line: Line) -> None:
        self._idle.pop(line.number, None)
        self._live.pop(line.number, None)
        self._arrivals.pop(line.number, None)

    def is_live(self, line: Line) -> bool:
        return line.number in self._live

    def longest_idle(self, at: int) -> Line | None:
        """The free number that has been free for longest."""
        idle = next(iter(self._idle.values()), None)
        live = next(iter(self._live.values()), None)
        if live is not None and at - live.seen_at < ON_PAGE_MS:
            live = None
        if idle is None or live is None:
            return idle or live
        return min(idle, live, key=lambda line: line.seen_at)

    def oldest_arrival(self) -> Line | None:
        """The number whose last lease is the oldest."""
        return next(iter(self._arrivals.values()), None)

    def longest_gone(self, at: int) -> Line | None:
        """The number to give away: the longest idle one, else the oldest arrival."""
        return self.longest_idle(at) or self.oldest_arrival()
