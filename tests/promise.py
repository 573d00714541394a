"""What browsers were told of numbers, and whether the promise of leasing held.

Judged from outside: what a browser knows is when it asked and when it was answered. Between the
two the server may have done as asked or not yet, so a visit is *surely* on page from an answer
until its leave is sent, and *perhaps* from its first question until its leave is answered. Only
the moment of a lease is the server's own, read from the exposure it kept; leases of one
millisecond are in no known order.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ringtrace.domain.visit import ON_PAGE_MS

Span = tuple[int, int]


@dataclass
class Told:
    """One visit as its browser knows it. Times are ms since 1970 UTC."""

    site: str
    visit: str
    visitor: str
    numbers: set[str] = field(default_factory=set)
    asked: Span = (0, 0)
    """From the first question until the first answer."""
    last: Span = (0, 0)
    left: bool = False
    sure: list[Span] = field(default_factory=list)
    perhaps: list[Span] = field(default_factory=list)
    _sure_from: int | None = None
    _perhaps_from: int | None = None

    @property
    def number(self) -> str:
        (number,) = self.numbers
        return number

    def signed(self, sent: int, answered: int) -> None:
        """A page view or another sign of life."""
        if self._sure_from is not None:
            assert sent - self.last[0] < ON_PAGE_MS, "too slow a machine: the visit has lapsed"
        else:
            self._sure_from = answered
        if self._perhaps_from is None:
            self._perhaps_from = sent
        self.last, self.left = (sent, answered), False

    def doubted(self, sent: int, answered: int) -> None:
        """A leave and a sign of life at once: whichever came last counts."""
        self._close(sent)
        self.last = (sent, answered)

    def went(self, sent: int, answered: int) -> None:
        self._close(sent)
        assert self._perhaps_from is not None
        self.perhaps.append((self._perhaps_from, answered))
        self._perhaps_from = None
        self.last, self.left = (sent, answered), True

    def fell_silent(self) -> None:
        """No more is heard of it: it is on page until its time is over."""
        sent, answered = self.last
        self._close(sent + ON_PAGE_MS)
        assert self._perhaps_from is not None
        self.perhaps.append((self._perhaps_from, answered + ON_PAGE_MS))

    def _close(self, until: int) -> None:
        if self._sure_from is not None:
            self.sure.append((self._sure_from, until))
            self._sure_from = None


@dataclass
class Judgement:
    """`broken` says how the promise was broken; the counts say how often it was put to the test."""

    broken: list[str] = field(default_factory=list)
    kept: int = 0
    """Leases of a returning visitor who had to get the number he kept."""
    apart: int = 0
    """Leases while somebody was on page and a number was free."""
    shared: int = 0
    """Leases of a number that somebody was on page with."""


_PERHAPS_FROM, _SURE_UNTIL, _LEASE, _SURE_FROM, _PERHAPS_UNTIL = range(5)
"""What of one millisecond comes first, so that a doubt never counts against the server."""


def judge(visits: Sequence[Told], leased_at: Mapping[str, int], numbers: int) -> Judgement:
    """The visits of one site, whose pool is one group of so many numbers.

    Of a pool with groups that cannot be seen from outside, `numbers` 0, only the keeping is judged.
    """
    court = _Court(visits, leased_at, numbers)
    for at, kind, index in sorted(_events(visits, leased_at)):
        court.hear(at, kind, visits[index])
    return court.found


def _events(visits: Sequence[Told], leased_at: Mapping[str, int]) -> Iterable[tuple[int, int, int]]:
    for index, one in enumerate(visits):
        yield leased_at[one.visit], _LEASE, index
        for since, until in one.sure:
            if since < until:
                yield since, _SURE_FROM, index
                yield until, _SURE_UNTIL, index
        for since, until in one.perhaps:
            yield since, _PERHAPS_FROM, index
            yield until, _PERHAPS_UNTIL, index


class _Court:
    def __init__(self, visits: Sequence[Told], leased_at: Mapping[str, int], numbers: int) -> None:
        self.found = Judgement()
        self._leased_at = leased_at
        self._numbers = numbers
        self._sure: dict[str, Counter[str]] = defaultdict(Counter)
        self._perhaps: dict[str, Counter[str]] = defaultdict(Counter)
        self._busy: Counter[str] = Counter()
        self._kept: dict[str, tuple[int, str | None]] = {}
        self._leases: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for one in visits:
            self._leases[one.number].append((leased_at[one.visit], one.visitor))
        for leases in self._leases.values():
            leases.sort()

    def hear(self, at: int, kind: int, one: Told) -> None:
        if kind == _LEASE:
            self._stand_apart(at, one)
            self._keep(at, one)
        elif kind in {_SURE_FROM, _SURE_UNTIL}:
            _count(self._sure[one.number], one.visitor, kind == _SURE_FROM)
        else:
            _count(self._perhaps[one.number], one.visitor, kind == _PERHAPS_FROM)
            _count(self._busy, one.number, kind == _PERHAPS_FROM)

    def _stand_apart(self, at: int, one: Told) -> None:
        """Never two on-page holders of a number while a number is free."""
        others = [visitor for visitor in self._sure[one.number] if visitor != one.visitor]
        free = len(self._busy) < self._numbers
        self.found.shared += bool(others)
        self.found.apart += free and len(self._busy) > 1
        if others and free:
            self.found.broken.append(f"{one.visit} shares {one.number} at {at}, others are free")

    def _keep(self, at: int, one: Told) -> None:
        """One number per visitor, unless somebody else leased it since or looks at it."""
        since, number = self._kept.get(one.visitor, (0, None))
        again = since == at and number not in {None, one.number}
        self._kept[one.visitor] = (at, None if again else one.number)
        if number is None or since == at:
            return
        leases = self._leases[number]
        between = leases[bisect_left(leases, (since, "")) : bisect_right(leases, (at, "~"))]
        taken = any(visitor != one.visitor for _, visitor in between)
        if taken or any(visitor != one.visitor for visitor in self._perhaps[number]):
            return
        self.found.kept += 1
        if one.number != number:
            self.found.broken.append(f"{one.visit} lost {number} at {at}, nobody took it")


def _count(counter: Counter[str], name: str, up: bool) -> None:
    if up:
        counter[name] += 1
    elif counter[name] == 1:
        del counter[name]
    else:
        counter[name] -= 1
