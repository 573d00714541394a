"""How many numbers an account needs: its own hits and calls replayed under pools of other sizes.

Every size is replayed twice, by our Engine and by the trade's practice, over the same events.
Nothing is rated while numbers are handed out; what counts is whether the calls of the whole replay
were credited to the visit, channel and keyword that they came from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from ringtrace.domain.engine import Engine
from ringtrace.domain.hazard import Flags, Ints
from ringtrace.domain.history import History, Kind
from ringtrace.domain.intervals import Intervals, Share
from ringtrace.domain.keying import Habits, Keying
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.placing import Calls
from ringtrace.domain.practice import TradePractice

_WARM_UP_DAYS: Final = 3
_CALL, _WRONG = len(Kind), len(Kind) + 1
_UNKNOWN, _LOST = 3, 4
_FIRST_WRONG_CALLER: Final = 1 << 40
_STEP: Final = 5_000


class Target(StrEnum):
    """What a share of calls is to be right about."""

    VISIT = "visit"
    CHANNEL = "channel"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How calls were credited; `unknown` ones were named no visit, or rang on the fallback."""

    visit: Share
    channel: Share
    keyword: Share
    unknown: Share

    def share(self, target: Target) -> Share:
        shares = {
            Target.VISIT: self.visit,
            Target.CHANNEL: self.channel,
            Target.KEYWORD: self.keyword,
        }
        return shares[target]


@dataclass(frozen=True, slots=True)
class Coded:
    """Ours with extensions: how calls were credited, and the price of asking for digits.

    `shown` is the share of visits that were shown an extension; of the calls `lost` are those of
    callers who gave up when they were asked. They are right in nothing.
    """

    outcome: Outcome
    shown: float
    lost: Share


@dataclass(frozen=True, slots=True)
class SizeOutcome:
    """One size of pool; `monthly_cost` in the currency of the price per number."""

    numbers: int
    monthly_cost: float
    ours: Outcome
    trade: Outcome
    coded: Coded | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """For `share` of calls right about `target`: `numbers` reach it surely, `likely` on average."""

    target: Target
    share: float
    numbers: int | None
    likely: int | None


@dataclass(frozen=True, slots=True)
class Sizing:
    """`scored` calls were made at `scored_since` (ms) or later, on `days` UTC days.

    `resampled` is what the intervals were made by: "days" or "calls".
    """

    sizes: tuple[SizeOutcome, ...]
    scored: int
    scored_since: int
    days: int
    resampled: str


class NoCallsError(ValueError):
    """No call is left to be scored."""


class _Named(Protocol):
    @property
    def visit(self) -> int | None: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def keyword(self) -> int | None: ...


class _Policy(Protocol):
    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int: ...
    def seen(self, t: float, visit: int) -> None: ...
    def contact(self, t: float, visit: int) -> None: ...
    def tap(self, t: float, visit: int) -> None: ...
    def leave(self, t: float, visit: int) -> None: ...
    def call(self, t: float, number: int, caller: int) -> _Named: ...


_Dial = Callable[[float, int, int, int, int], _Named | None]


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Wrong and robot calls come with the numbers: those of a smaller pool are among them."""

    at: Ints
    number: Ints

    @classmethod
    def drawn(cls, history: History, numbers: int, rng: np.random.Generator) -> "_Wrong":
        begin, end = int(history.at[0]), int(history.at[-1])
        counts = rng.poisson(SHIPPED.noise * (end - begin) / 1_000, numbers)
        at = begin + (rng.random(int(counts.sum())) * (end - begin)).astype(np.int64)
        return cls(at, np.repeat(np.arange(numbers), counts))


def size(
    history: History,
    calls: Calls,
    numbers: Sequence[int],
    price: float,
    rng: np.random.Generator,
    advance: Callable[[int], None] = lambda _: None,
    extensions_above: float | None = None,
) -> Sizing:
    """Replay `calls` for each pool size in `numbers`; `price` is that of a number and month.

    `extensions_above` (None: no extensions) is the probability of a mix-up from which on visitors
    are shown one, in a further replay.
    `advance` is told how many events were replayed since it was told last, `effort` in all.
    Raises NoCallsError.
    """
    since = _scored_since(history)
    scored = np.flatnonzero(calls.at >= since)
    if not len(scored):
        raise NoCallsError("no call after the warm-up")
    wrong = _Wrong.drawn(history, max(numbers), rng)
    intervals = Intervals(calls.at[scored], rng)

    chance = rng.random(len(calls))

    def outcome(policy: _Policy, count: int) -> Outcome:
        return Outcome(*played(policy, count)[:_LOST])

    def played(policy: _Policy, count: int, dial: _Dial | None = None) -> list[Share]:
        timeline = _timeline(history, calls, wrong, count)
        marks = _play(policy, history, calls, timeline, advance, dial)
        return [intervals.share(column) for column in marks[scored].T]

    def coded(count: int) -> Coded | None:
        if extensions_above is None:
            return None
        policy = Keying(count, history.channels, Habits(extensions_above, chance))
        shares = played(policy, count, policy.dial)
        return Coded(Outcome(*shares[:_LOST]), policy.shown / len(history), shares[_LOST])

    found = tuple(
        SizeOutcome(
            numbers=count,
            monthly_cost=count * price,
            ours=outcome(Engine(count, history.channels), count),
            trade=outcome(TradePractice(count), count),
            coded=coded(count),
        )
        for count in sorted(set(numbers))
    )
    return Sizing(
        sizes=found,
        scored=len(scored),
        scored_since=since,
        days=intervals.days,
        resampled="days" if intervals.by_days else "calls",
    )


def effort(history: History, calls: Calls, numbers: Sequence[int], ways: int = 2) -> int:
    """Events that `size` replays, but for wrong calls; with extensions in three `ways`."""
    return ways * len(set(numbers)) * (len(history.at) + len(calls))


def advise(sizing: Sizing, wanted: Mapping[Target, float]) -> tuple[Advice, ...]:
    """The fewest numbers that surely reach each target, if any of the replayed sizes does.

    Surely: at this size and at every larger one replayed the lower border of our interval is no
    less than the target. Likely: the same of the shares themselves.
    """
    return tuple(
        Advice(
            target,
            share,
            _fewest(sizing.sizes, [one.ours.share(target).low >= share for one in sizing.sizes]),
            _fewest(sizing.sizes, [one.ours.share(target).value >= share for one in sizing.sizes]),
        )
        for target, share in wanted.items()
    )


def _fewest(sizes: Sequence[SizeOutcome], is_enough: Sequence[bool]) -> int | None:
    found = None
    for one, enough in zip(reversed(sizes), reversed(is_enough), strict=True):
        if not enough:
            break
        found = one.numbers
    return found


def _scored_since(history: History) -> int:
    """Before, the pool and what is learnt of callers are still those of a new site."""
    begin, end = int(history.at[0]), int(history.at[-1])
    return begin + min(_WARM_UP_DAYS * DAY_MS, (end - begin) // 4)


def _timeline(
    history: History, calls: Calls, wrong: _Wrong, numbers: int
) -> Iterator[tuple[int, int, int]]:
    """At, kind, and the row of the visit or call, or the number of a wrong call; in order."""
    kept = wrong.number < numbers
    columns = (
        (history.at, history.kind, history.row),
        (calls.at, np.full(len(calls), _CALL), np.arange(len(calls))),
        (wrong.at[kept], np.full(int(kept.sum()), _WRONG), wrong.number[kept]),
    )
    at, kind, row = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    order = np.lexsort((kind, at))
    return zip(at[order].tolist(), kind[order].tolist(), row[order].tolist(), strict=True)


def _play(
    policy: _Policy,
    history: History,
    calls: Calls,
    timeline: Iterator[tuple[int, int, int]],
    advance: Callable[[int], None],
    dial: _Dial | None,
) -> Flags:
    """Whether each call was right about visit, channel and keyword, unknown, and lost.

    `dial` makes a call of a visit, where it matters which visit it is.
    """
    marks = np.zeros((len(calls), _LOST + 1), dtype=np.bool_)
    shown = [0] * len(history)
    visitor, segment = history.visitor.tolist(), history.segment.tolist()
    desktop = (~history.mobile).astype(np.int64).tolist()
    channel = [name for name, _ in history.segments.names]
    visit_of, caller = calls.visit.tolist(), calls.caller.tolist()
    signs = {
        int(Kind.CONTACT): policy.contact,
        int(Kind.BEAT): policy.seen,
        int(Kind.TAP): policy.tap,
        int(Kind.LEAVE): policy.leave,
    }
    done = 0
    for at, kind, row in timeline:
        t = at / 1_000
        if kind == Kind.PAGE:
            code = segment[row]
            shown[row] = policy.lease(t, row, visitor[row], channel[code], code, desktop[row])
        elif kind == _CALL:
            visit = visit_of[row]
            number, code = shown[visit], segment[visit]
            found = (
                policy.call(t, number, caller[row])
                if dial is None
                else dial(t, row, visit, number, caller[row])
            )
            if found is None:
                marks[row, _LOST] = True
            elif found.visit is None:
                marks[row, _UNKNOWN] = True
            else:
                marks[row, :3] = (
                    found.visit == visit,
                    found.channel == channel[code],
                    found.keyword == code,
                )
        elif kind == _WRONG:
            policy.call(t, row, _FIRST_WRONG_CALLER + done)
        else:
            signs[kind](t, row)
        done += 1
        if done % _STEP == 0:
            advance(_STEP)
    advance(done % _STEP)
    return marks
