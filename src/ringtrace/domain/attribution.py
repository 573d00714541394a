"""Which visit made the phone ring, as a probability.

A call to a pool number may come from anybody who was shown the number before. Each candidate is
weighted with the rate at which a visitor in his state calls; the weights compete with each other
and with the rate of wrong and robot calls, which is what remains `unknown`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ringtrace.domain.source import Source
from ringtrace.domain.visit import ON_PAGE_MS

MODEL = "elapsed-1"
"""Names the rule and its table; every attribution carries the name of the one that made it."""

WINDOW_MS = 14 * 86_400_000
"""Exposures older than this are no candidates."""

NOISE_PER_SECOND = 0.05 / 86_400
"""Wrong and robot calls to one number (pool.md: 0.05 a day)."""

TAP_PER_SECOND = 0.06
TAP_MS = 20_000
"""A tap on the number rings within seconds (pool.md 2.1)."""

# First calls of a visitor by the time since his last sign of life: the share of all first calls
# that falls into the span (pool.md 3, mix "base") times 2 % of visits that call, per second.
_CALLS_PER_VISIT = 0.02
_ON_PAGE_RATE = 0.56 * _CALLS_PER_VISIT / 189
_SPANS: tuple[tuple[int, float, int], ...] = (
    (300_000, 0.09, 300),
    (1_800_000, 0.14, 1_500),
    (3_600_000, 0.03, 1_800),
    (86_400_000, 0.14, 82_800),
    (WINDOW_MS, 0.04, 13 * 86_400),
)


class Basis(StrEnum):
    """What an attribution rests on."""

    STATIC_NUMBER = "static_number"
    EXPOSURES = "exposures"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit that was shown the number, as it stood when the call came. Times in ms since 1970."""

    visit_id: str
    shown_at: int
    seen_at: int
    left_at: int | None
    tapped_at: int | None
    source: Source


@dataclass(frozen=True, slots=True)
class Credit:
    """The share of the call that one candidate gets; a static number has no visit."""

    visit_id: str | None
    probability: float
    source: Source


@dataclass(frozen=True, slots=True)
class Attribution:
    """Credits in falling order; with `unknown` they sum to 1."""

    basis: Basis
    model: str
    credits: tuple[Credit, ...]
    unknown: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The most probable answer to each question, with the probability of the visit or channel."""

    channel: str | None
    campaign: str | None
    keyword: str | None
    visit_id: str | None
    probability: float


def to_static(source: Source) -> Attribution:
    """A static number stands for its source, whoever calls it."""
    return Attribution(Basis.STATIC_NUMBER, MODEL, (Credit(None, 1.0, source),), 0.0)


def to_nothing() -> Attribution:
    return Attribution(Basis.NOTHING, MODEL, (), 1.0)


def to_exposures(candidates: Iterable[Candidate], at: int) -> Attribution:
    """Credits of a call at `at` (ms since 1970) to a pool number; later exposures are ignored."""
    rates = [
        (candidate, _rate(_as_of(candidate, at), at))
        for candidate in candidates
        if candidate.shown_at <= at and at - candidate.shown_at <= WINDOW_MS
    ]
    total = sum(rate for _, rate in rates) + NOISE_PER_SECOND
    credits_ = sorted(
        (Credit(c.visit_id, rate / total, c.source) for c, rate in rates if rate > 0),
        key=lambda credit: (-credit.probability, credit.visit_id or ""),
    )
    if not credits_:
        return to_nothing()
    return Attribution(Basis.EXPOSURES, MODEL, tuple(credits_), NOISE_PER_SECOND / total)


def _as_of(candidate: Candidate, at: int) -> Candidate:
    """The candidate as it was known at `at`: what happened later is no evidence."""
    left = candidate.left_at
    tapped = candidate.tapped_at
    return replace(
        candidate,
        seen_at=min(candidate.seen_at, at),
        left_at=left if left is not None and left <= at else None,
        tapped_at=tapped if tapped is not None and tapped <= at else None,
    )


def _rate(candidate: Candidate, at: int) -> float:
    tapped = candidate.tapped_at is not None and at - candidate.tapped_at <= TAP_MS
    return _elapsed_rate(candidate, at) + (TAP_PER_SECOND if tapped else 0.0)


def _elapsed_rate(candidate: Candidate, at: int) -> float:
    last = candidate.seen_at if candidate.left_at is None else candidate.left_at
    elapsed = at - last
    if candidate.left_at is None and elapsed < ON_PAGE_MS:
        return _ON_PAGE_RATE
    for until, share, seconds in _SPANS:
        if elapsed <= until:
            return share * _CALLS_PER_VISIT / seconds
    return 0.0


def verdict(attribution: Attribution) -> Verdict:
    """The best answers; channel, campaign and keyword by the sum over all candidates."""
    credits_ = attribution.credits
    if not credits_:
        return Verdict(None, None, None, None, attribution.unknown)
    if attribution.unknown > max(_sums(credits_, "channel").values()):
        return Verdict(None, None, None, None, attribution.unknown)
    best = credits_[0]
    return Verdict(
        channel=_most_probable(credits_, "channel"),
        campaign=_most_probable(credits_, "campaign"),
        keyword=_most_probable(credits_, "term"),
        visit_id=best.visit_id,
        probability=best.probability,
    )


def _sums(credits_: Sequence[Credit], name: str) -> dict[str | None, float]:
    sums: dict[str | None, float] = {}
    for credit in credits_:
        value = getattr(credit.source, name)
        sums[value] = sums.get(value, 0.0) + credit.probability
    return sums


def _most_probable(credits_: Sequence[Credit], name: str) -> str | None:
    sums = _sums(credits_, name)
    return max(sums, key=lambda value: sums[value])
