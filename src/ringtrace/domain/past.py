"""Learning from what was kept: a site's past, played through the engine as it happened.

The numbers that visits were shown are those of the record; all else (states, posteriors, nightly
learning) is what the engine does with events as they come, so that there is one way to learn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ringtrace.domain.canary import Canary
from ringtrace.domain.engine import Engine, Proven
from ringtrace.domain.leasing import Lease
from ringtrace.domain.model import Model
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.visit import HitKind

BEAT_MS: Final = 30_000
"""The tag beats so often while the page is visible; beats are not kept one by one."""

MOST_BEATS: Final = 240
"""Between two kept signs of a visit."""


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit and what was kept of it. Times are ms since 1970 UTC.

    `signs` are the kinds of hits with their times, oldest first, without the first page view.
    """

    visit_id: str
    visitor_id: str
    number: str
    shown_at: int
    seen_at: int
    left: bool
    channel: str
    keyword: str | None
    mobile: bool
    signs: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call to a number; `caller` None withheld his own.

    `proven` is the visit that is known to have called; `nobody`: none of the visits did.
    """

    at: int
    number: str
    caller: str | None
    proven: str | None = None
    nobody: bool = False


@dataclass(frozen=True, slots=True)
class PastCanary:
    """A number that nobody who could still call was shown from `since` on (ms since 1970 UTC)."""

    number: str
    since: int


@dataclass(frozen=True, slots=True)
class Past:
    """What a site went through in the attribution window.

    `numbers` are its pool's; the calls are those to all of its numbers.
    """

    numbers: tuple[str, ...]
    visits: tuple[PastVisit, ...]
    calls: tuple[PastCall, ...]
    canaries: tuple[PastCanary, ...] = ()


def learn(past: Past, at: int) -> Model:
    """The model of a site's callers as of the midnight (UTC) before `at`."""
    known = {number: index for index, number in enumerate(past.numbers)}
    visits = [visit for visit in past.visits if visit.number in known]
    recorded = _Recorded({str(row): str(known[visit.number]) for row, visit in enumerate(visits)})
    channels = sorted({visit.channel for visit in visits})
    canaries = [_heard(canary, past.calls) for canary in past.canaries]
    engine = Engine(max(1, len(known)), channels, recorded, canaries)
    player = _Player(engine, visits, known)
    midnight = at // DAY_MS * DAY_MS
    events = sorted(_events(visits, past.calls, known), key=lambda one: one[:2])
    for moment, _, event in events:
        if moment >= midnight:
            break
        player.play(moment / 1_000, event)
    return player.named(engine.learnt(midnight / 1_000))


def _heard(canary: PastCanary, calls: Iterable[PastCall]) -> Canary:
    """Its new callers: like all noise, one who calls again is a repeat (see domain.repeat)."""
    new: list[int] = []
    callers: set[str] = set()
    for call in sorted(calls, key=lambda call: call.at):
        if call.number != canary.number or call.caller in callers:
            continue
        if call.caller is not None:
            callers.add(call.caller)
        new.append(call.at)
    return Canary(canary.since, tuple(new))


_Event = PastCall | tuple[int, HitKind | None]


class _Player:
    """Tells the engine what happened, in its own words: whole numbers for names."""

    def __init__(
        self, engine: Engine, visits: Sequence[PastVisit], known: Mapping[str, int]
    ) -> None:
        self._engine = engine
        self._visits = visits
        self._known = known
        self._rows = {visit.visit_id: row for row, visit in enumerate(visits)}
        self._keywords, self._visitors, self._callers = _Codes(), _Codes(), _Codes()

    def play(self, t: float, event: _Event) -> None:
        if isinstance(event, PastCall):
            caller = -1 if event.caller is None else self._callers[event.caller]
            self._engine.call(t, self._known[event.number], caller, self._proven(event))
            return
        row, kind = event
        if kind is not None:
            _SIGNS[kind](self._engine, t, row)
            return
        visit = self._visits[row]
        visitor, keyword = self._visitors[visit.visitor_id], self._keywords[visit.keyword]
        self._engine.lease(t, row, visitor, visit.channel, keyword, 0 if visit.mobile else 1)

    def _proven(self, call: PastCall) -> Proven | None:
        if call.nobody:
            return Proven(None)
        row = None if call.proven is None else self._rows.get(call.proven)
        return None if row is None else Proven(row)

    def named(self, model: Model) -> Model:
        """The model with the keywords' own names."""
        names = self._keywords.names()
        return replace(
            model,
            keywords={
                name: factor
                for code, factor in model.keywords.items()
                if (name := names[int(code)]) is not None
            },
        )


_SIGNS = {
    HitKind.PAGE: Engine.seen,
    HitKind.BEAT: Engine.seen,
    HitKind.LEAVE: Engine.leave,
    HitKind.CONTACT: Engine.contact,
    HitKind.TAP: Engine.tap,
}


def _events(
    visits: Sequence[PastVisit], calls: Iterable[PastCall], known: Mapping[str, int]
) -> Iterator[tuple[int, int, _Event]]:
    """Everything that happened, with its moment and a rank among what happened at once."""
    for row, visit in enumerate(visits):
        yield visit.shown_at, 0, (row, None)
        for moment, kind in _signs(visit):
            yield moment, 1, (row, kind)
    for call in calls:
        if call.number in known:
            yield call.at, 2, call


def _signs(visit: PastVisit) -> Iterator[tuple[int, HitKind]]:
    """The kept signs with the beats between them: who has not left was visible."""
    last, gone = visit.shown_at, False
    end = (visit.seen_at, HitKind.LEAVE if visit.left else HitKind.BEAT)
    kept = [(moment, HitKind(kind)) for moment, kind in visit.signs]
    for moment, kind in (*kept, end):
        if not gone:
            for beat in range(1, min(MOST_BEATS, (moment - last) // BEAT_MS) + 1):
                yield last + beat * BEAT_MS, HitKind.BEAT
        yield moment, kind
        last, gone = moment, kind is HitKind.LEAVE


class _Recorded:
    """A pool that shows every visit the number it was shown then."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self._numbers = numbers

    def lease(
        self, visit: str, _visitor: str, _at: int, _channel: str, _keyword: str | None
    ) -> Lease:
        return Lease(self._numbers[visit], new=True)

    def seen(self, _visit: str, _at: int) -> None:
        """The past needs no keeping."""

    def leave(self, _visit: str, _at: int) -> None:
        """As `seen`."""

    def resplit(
        self, _expected_calls: Mapping[str, float], _rates: Mapping[str, float] | None = None
    ) -> None:
        """As `seen`."""


class _Codes:
    """Whole numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self._codes: dict[str | None, int] = {}

    def __getitem__(self, name: str | None) -> int:
        return self._codes.setdefault(name, len(self._codes))

    def names(self) -> list[str | None]:
        return list(self._codes)
