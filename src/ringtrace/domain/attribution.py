"""Which visit made the phone ring, as a probability that explains itself.

A call to a pool number may come from anybody who was shown the number before, be a repeat of an
earlier call, or a wrong number. Each is weighed with the calls per second that the site's model
expects of it; the weights compete with each other and with the rate of wrong and robot calls,
which is what remains `unknown`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from ringtrace.domain import hazard, repeat
from ringtrace.domain.exposure import CELLS, Exposures, Segments, Standing
from ringtrace.domain.hazard import Floats
from ringtrace.domain.model import SHIPPED, Model, Rates
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.posterior import Posterior, Ties, posterior, weigh
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device

WINDOW_MS: Final = 14 * DAY_MS
"""Exposures older than this are no candidates."""

NAMED: Final = 24
"""So many candidates of a call are credited by name, the others together by source."""


class Basis(StrEnum):
    """What an attribution rests on."""

    STATIC_NUMBER = "static_number"
    EXPOSURES = "exposures"
    EXTENSION = "extension"
    NOTHING = "nothing"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit that was shown the number, as it stood when the call came. Times in ms since 1970.

    `called` is the probability that it has made its first call before.
    """

    visit_id: str
    shown_at: int
    seen_at: int
    left_at: int | None
    tapped_at: int | None
    source: Source
    visitor_id: str = ""
    device: Device = Device.DESKTOP
    contact_at: int | None = None
    called: float = 0.0


@dataclass(frozen=True, slots=True)
class Why:
    """What a credit rests on: `weight` calls per second are the product of the factors, plus tap.

    `state` names the state of the visitor and `hazard` its rate; `free` is the probability that
    he had not called yet, `caller` what the caller's number says of him; `known` is whether the
    caller had called the site before, None when he withheld his number, and `own` the probability
    that it was as this visitor.
    """

    state: str
    hazard: float
    channel: float
    keyword: float
    device: float
    contact: float
    tap: float
    free: float
    caller: float
    weight: float
    known: bool | None = None
    own: float = 0.0


@dataclass(frozen=True, slots=True)
class Credit:
    """The share of the call that one candidate gets.

    Without a visit it is a static number's, or that of several visits of one source.
    """

    visit_id: str | None
    probability: float
    source: Source
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Credits in falling order; with `unknown` they sum to 1.

    `repeat` is the probability that the caller called again for the reason of an earlier call;
    the credits contain it.
    """

    basis: Basis
    model: str
    credits: tuple[Credit, ...]
    unknown: float
    repeat: float = 0.0


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of the same caller to the same number, at `at` (ms since 1970)."""

    at: int
    attribution: Attribution


@dataclass(frozen=True, slots=True)
class Caller:
    """What is remembered of who calls.

    `known` when he called any number of the site before; None when he withholds his number, and
    `calls` are those of all who do. `own` is the probability by visitor that he is this caller,
    `others` that he is another one.
    """

    known: bool | None
    own: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, float] = field(default_factory=dict)
    calls: Sequence[EarlierCall] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The most probable answer to each question, with the probability of the visit or channel."""

    channel: str | None
    campaign: str | None
    keyword: str | None
    visit_id: str | None
    probability: float


def keyword_of(source: Source) -> str | None:
    """What a visit is grouped by inside its channel: the search term, else the campaign."""
    return source.term or source.campaign


def to_static(source: Source) -> Attribution:
    """A static number stands for its source, whoever calls it."""
    return Attribution(Basis.STATIC_NUMBER, SHIPPED.name, (Credit(None, 1.0, source),), 0.0)


def to_extension(shown: Candidate, model: Model = SHIPPED) -> Attribution:
    """The caller keyed the extension that was shown to this visit."""
    credit = Credit(shown.visit_id, 1.0, shown.source)
    return Attribution(Basis.EXTENSION, model.name, (credit,), 0.0)


def to_nothing(model: Model = SHIPPED) -> Attribution:
    return Attribution(Basis.NOTHING, model.name, (), 1.0)


def to_corrected(called: Candidate | None, model: str) -> Attribution:
    """A user said which visit called, None: none of them; `model` is the one he corrects."""
    if called is None:
        return Attribution(Basis.CORRECTED, model, (), 1.0)
    return Attribution(Basis.CORRECTED, model, (Credit(called.visit_id, 1.0, called.source),), 0.0)


def to_exposures(
    candidates: Iterable[Candidate],
    at: int,
    model: Model = SHIPPED,
    caller: Caller | None = None,
) -> Attribution:
    """Credits of a call at `at` (ms since 1970) to a pool number; later exposures are ignored.

    `caller` None: nothing may be remembered of callers.
    """
    shown = sorted(
        (one for one in candidates if _is_candidate(one, at)), key=lambda one: one.visit_id
    )
    call = _Call(shown, at, model, caller)
    credits_ = sorted(call.credits(), key=lambda one: (-one.probability, one.visit_id or "~"))
    if not credits_:
        return to_nothing(model)
    unknown = max(0.0, 1.0 - sum(credit.probability for credit in credits_))
    repeated = float(call.posterior.repeats.sum())
    return Attribution(Basis.EXPOSURES, model.name, tuple(credits_), unknown, repeated)


def _is_candidate(candidate: Candidate, at: int) -> bool:
    since = at - WINDOW_MS
    return since <= candidate.shown_at <= at and candidate.seen_at >= since


class _Call:
    """One call on its way to credits."""

    def __init__(
        self, shown: Sequence[Candidate], at: int, model: Model, caller: Caller | None
    ) -> None:
        self._shown = shown
        self._at = at
        self._rates, self._standing = _stand(shown, at, model)
        self._called = np.array([one.called for one in shown], dtype=np.float64)
        self._earlier = [] if caller is None else [one for one in caller.calls if one.at < at]
        self._ties = _ties(shown, at, model, caller, self._earlier)
        self._weights = weigh(self._rates, self._standing, self._called, self._ties, at)
        self.posterior: Posterior = posterior(self._weights, self._ties, model.noise)

    def credits(self) -> list[Credit]:
        named, rest = self._named_and_rest()
        for share, call in zip(self.posterior.repeats.tolist(), self._earlier, strict=True):
            for credit in call.attribution.credits:
                _add(rest, credit.visit_id, credit.source, share * credit.probability)
        merged = []
        for credit in named:
            key = (credit.visit_id, credit.source)
            more = rest.pop(key, 0.0)
            merged.append(
                Credit(credit.visit_id, credit.probability + more, credit.source, credit.why)
            )
        others = [Credit(visit, share, source) for (visit, source), share in rest.items()]
        return [credit for credit in (*merged, *others) if credit.probability > 0]

    def _named_and_rest(self) -> tuple[list[Credit], dict[tuple[str | None, Source], float]]:
        shares = self.posterior.candidates
        order = np.argsort(-shares, kind="stable").tolist()
        named = [
            Credit(self._shown[i].visit_id, float(shares[i]), self._shown[i].source, self._why(i))
            for i in order[:NAMED]
        ]
        rest: dict[tuple[str | None, Source], float] = {}
        for i in order[NAMED:]:
            said = self._shown[i].source
            brief = Source(said.channel, said.source, said.medium, said.campaign, said.term)
            _add(rest, None, brief, float(shares[i]))
        return named, rest

    def _why(self, position: int) -> Why:
        candidate, model = self._shown[position], self._rates.model
        state = int(self._standing.states[position])
        contacted, mobile = divmod(int(self._standing.cells[position]) % CELLS, 2)
        return Why(
            state=hazard.state_name(state),
            hazard=float(self._rates.by_hour[state, hazard.hour_of(self._at)]),
            channel=model.channel_rate(candidate.source.channel),
            keyword=model.keyword_factor(keyword_of(candidate.source)),
            device=model.devices[mobile],
            contact=model.contact[contacted],
            tap=float(self._rates.tap[self._standing.taps[position]]),
            free=1.0 - candidate.called,
            caller=float(self._ties.factors(self._called)[position]),
            weight=float(self._weights[position]),
            known=self._ties.known,
            own=float(self._ties.own[position]),
        )


def _add(
    sums: dict[tuple[str | None, Source], float], visit: str | None, source: Source, share: float
) -> None:
    sums[visit, source] = sums.get((visit, source), 0.0) + share


def _stand(shown: Sequence[Candidate], at: int, model: Model) -> tuple[Rates, Standing]:
    segments = Segments()
    exposures = Exposures(max(1, len(shown)))
    for one in shown:
        code = segments.code(one.source.channel, keyword_of(one.source))
        row = exposures.add(one.shown_at, code, 0, one.device is Device.MOBILE)
        exposures.seen_at[row] = one.seen_at
        if one.left_at is not None and one.left_at <= at:
            exposures.leave(row, one.left_at)
        if one.contact_at is not None:
            exposures.contact_at[row] = one.contact_at
        if one.tapped_at is not None:
            exposures.tapped_at[row] = one.tapped_at
    return Rates(model, segments), exposures.standing(np.arange(len(shown)), at)


def _ties(
    shown: Sequence[Candidate],
    at: int,
    model: Model,
    caller: Caller | None,
    earlier: Sequence[EarlierCall],
) -> Ties:
    nothing = np.zeros(len(shown))
    if caller is None:
        return Ties(None, nothing, nothing, np.zeros(0))
    repeats: Floats = np.array(
        [model.repeat * repeat.density((at - call.at) / 1_000) for call in earlier]
    )
    if caller.known is None:
        return Ties(None, nothing, nothing, repeats, model.withheld)
    own: Floats = np.array([caller.own.get(one.visitor_id, 0.0) for one in shown])
    others: Floats = np.array([caller.others.get(one.visitor_id, 0.0) for one in shown])
    return Ties(caller.known, own, others, repeats)


def verdict(attribution: Attribution) -> Verdict:
    """The best answers; channel, campaign and keyword by the sum over all candidates."""
    credits_ = attribution.credits
    if not credits_:
        return Verdict(None, None, None, None, attribution.unknown)
    if attribution.unknown > max(_sums(credits_, "channel").values()):
        return Verdict(None, None, None, None, attribution.unknown)
    best = next((credit for credit in credits_ if credit.visit_id is not None), credits_[0])
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
