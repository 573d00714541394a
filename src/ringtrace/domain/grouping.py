"""The groups of a pool: which numbers a channel leases from, and which of them it takes next."""

from collections.abc import Iterable, Mapping

from ringtrace.domain import split
from ringtrace.domain.confusion import Confusion
from ringtrace.domain.idleness import Idleness, Line
from ringtrace.domain.split import Split

AFFINITY = 10
"""A number of the same keyword is preferred to one idle up to so many times longer."""
AFFINITY_MS = 1_000


class Groups:
    """Numbers in order of idleness, by group and by the keyword they were last leased for.

    O(1) a choice and a sign of life. With `weigh_risk` the risk of a mix-up is known.
    """

    def __init__(self, lines: Iterable[Line], *, weigh_risk: bool = False) -> None:
        self._lines = list(lines)
        self._split = split.undivided(len(self._lines))
        self._groups = {split.TAIL: Idleness(self._lines)}
        self._keywords: dict[tuple[str, str], Idleness] = {}
        self._confusion = Confusion({})
        self._weigh_risk = weigh_risk
        self._leases = 0

    def sizes(self) -> dict[str, int]:
        return {name: len(group) for name, group in self._groups.items()}

    def choose(self, channel: str, keyword: str | None, at: int) -> Line | None:
        """The number to lease to a visit of `channel` and `keyword`; None of an empty pool."""
        name = self._split.groups.get(channel, self._split.fallback)
        group = self._groups[name]
        line = group.longest_idle(at)
        if line is None:
            return group.oldest_arrival()
        return self._akin(name, keyword, line, at) or line

    def risk(self, line: Line, channel: str, at: int) -> float:
        """How probable a mix-up is if a visit of `channel` is shown this number; 0 not weighed."""
        return self._confusion.risk(line.number, line.seen_at, line.is_on_page(at), channel, at)

    def took(
        self, line: Line, channel: str, keyword: str | None, at: int, share: float = 1.0
    ) -> None:
        """The number was leased for `channel` and `keyword`; `share` as `Confusion.took` says."""
        if self._weigh_risk:
            self._confusion.took(line.number, line.seen_at, channel, at, share)
        if line.keyword != keyword:
            self._forsake(line)
            line.keyword = keyword
            if keyword is not None:
                self._keywords.setdefault((line.group, keyword), Idleness())
        self._leases += 1
        line.turn = self._leases
        for order in self._orders(line):
            order.arrive(line)

    def sign(self, line: Line) -> None:
        for order in self._orders(line):
            order.sign(line)

    def rest(self, line: Line) -> None:
        for order in self._orders(line):
            order.rest(line)

    def is_live(self, line: Line) -> bool:
        return self._groups[line.group].is_live(line)

    def resplit(self, planned: Split, rates: Mapping[str, float], at: int) -> None:
        """Let groups give away their longest idle numbers until they have the sizes planned."""
        if planned.sizes != self.sizes():
            self._move(planned.sizes, at)
        self._confusion.rates = rates
        self._split = planned

    def _akin(self, name: str, keyword: str | None, line: Line, at: int) -> Line | None:
        if keyword is None or line.keyword == keyword:
            return None
        same = self._keywords.get((name, keyword))
        akin = same.longest_idle(at) if same is not None else None
        if akin is None:
            return None
        idle = at - akin.seen_at
        return akin if idle > AFFINITY_MS and AFFINITY * idle >= at - line.seen_at else None

    def _orders(self, line: Line) -> tuple[Idleness, ...]:
        group = self._groups[line.group]
        if line.keyword is None:
            return (group,)
        return group, self._keywords[line.group, line.keyword]

    def _forsake(self, line: Line) -> None:
        if line.keyword is None:
            return
        key = (line.group, line.keyword)
        order = self._keywords[key]
        order.remove(line)
        if not order:
            del self._keywords[key]

    def _move(self, sizes: Mapping[str, int], at: int) -> None:
        spare: list[Line] = []
        for name, group in self._groups.items():
            for _ in range(len(group) - sizes.get(name, 0)):
                line = group.longest_gone(at)
                assert line is not None  # noqa: S101 - the range counts what is there
                group.remove(line)
                spare.append(line)
        spare.sort(key=lambda line: -line.seen_at)
        for name in sorted(sizes, key=lambda name: (sizes[name], name)):
            have = len(self._groups[name]) if name in self._groups else 0
            for _ in range(sizes[name] - have):
                spare.pop().group = name
        self._rebuild(sizes)

    def _rebuild(self, names: Iterable[str]) -> None:
        members: dict[str, list[Line]] = {name: [] for name in names}
        akin: dict[tuple[str, str], list[Line]] = {}
        for line in self._lines:
            members[line.group].append(line)
            if line.keyword is not None:
                akin.setdefault((line.group, line.keyword), []).append(line)
        self._groups = {name: Idleness(lines) for name, lines in members.items()}
        self._keywords = {key: Idleness(lines) for key, lines in akin.items()}
