"""The past of an account, written into its store as `ringtrace import` writes an export.

The same every time but for the moment at which it ends.
"""

import random
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Final

from benchmarks.business import TARGET
from benchmarks.request import caller_of
from ringtrace.domain.attribution import Basis
from ringtrace.domain.call import GatewayKind, Outcome, PlanSource
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.source import Source, classify
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.lake import Kind, Part
from ringtrace.store import rows
from ringtrace.store.importing import Importing, bring_back
from ringtrace.store.lake.exported import (
    CallLine,
    CreditLine,
    ExposureLine,
    HitLine,
    Line,
    Share,
    VisitLine,
)

ACCOUNT: Final = 1
CALLS_A_VISIT: Final = 1 / 75
_ANSWERED: Final = 0.8
_SHARES: Final = (0.4, 0.2, 0.15, 0.1, 0.05, 0.05)
_SECOND: Final = "shop.example/contact"
_DEVICES: Final = (Device.DESKTOP, Device.MOBILE)
_ENDED_MS: Final = 600_000
"""So long before now the last visit began: nobody is on page any more."""

_URLS: Final = (
    *(f"https://shop.example/offer?utm_source=google&utm_medium=cpc&utm_campaign=c{n % 12}"
      f"&utm_term=term+{n}" for n in range(60)),
    *(f"https://shop.example/news?utm_source=letter&utm_medium=email&utm_campaign=l{n}"
      for n in range(10)),
    *(f"https://shop.example/{n}" for n in range(30)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A number of a site's pool."""

    site: str
    number: str


@dataclass(frozen=True, slots=True)
class Past:
    """So many visits evenly over the days that end now; each saw two pages of the site.

    `shown` are the numbers, which visits are shown in turn. With `calls` one of 75 visits calls,
    and six candidates share each call.
    """

    visits: int
    days: float
    shown: Sequence[Shown]
    calls: bool = True

    def write(self, into: Importing, now: int) -> None:
        """`now` is ms since 1970 UTC; the account and its numbers are there, and no server runs."""
        chance = random.Random(7)
        latest: dict[str, deque[VisitLine]] = defaultdict(partial(deque, maxlen=len(_SHARES)))
        for day, visits in groupby(self._visits(now, chance), _day_of):
            some = list(visits)
            bring_back(into, ACCOUNT, Part.TRAFFIC, day, _traffic(some), _has_audio)
            if self.calls:
                calls = _calls(some, latest, chance)
                bring_back(into, ACCOUNT, Part.CALLS, day, calls, _has_audio)

    def _visits(self, now: int, chance: random.Random) -> Iterator[VisitLine]:
        step = self.days * DAY_MS / self.visits
        first = now - _ENDED_MS - step * (self.visits - 1)
        for turn in range(self.visits):
            shown = self.shown[turn % len(self.shown)]
            yield _visit(shown, round(first + step * turn), chance)


_SOURCES: Final = tuple(classify(url, None) for url in _URLS)


def _visit(shown: Shown, at: int, chance: random.Random) -> VisitLine:
    said = chance.choice(_SOURCES)
    left = _time(at + chance.randrange(20_000, 400_000))
    return VisitLine(
        visit_id=f"{at:012x}{chance.getrandbits(80):020x}",
        visitor_id=f"{chance.getrandbits(128):032x}",
        site_key=shown.site, started_at=_time(at), seen_at=left, left_at=left,
        contact_at=None, tapped_at=None, device=chance.choice(_DEVICES),
        channel=str(said.channel), source=said.source, medium=said.medium,
        campaign=said.campaign, term=said.term, content=said.content,
        click_id_type=None, click_id=None, landing_page=said.landing_page, reason=said.reason,
        number=shown.number, extension=None,
    )  # fmt: skip


def _traffic(visits: Sequence[VisitLine]) -> Mapping[Kind, Iterable[Line]]:
    return {
        Kind.VISITS: visits,
        Kind.EXPOSURES: (
            ExposureLine(number=_number(one), shown_at=one.started_at, visit_id=one.visit_id,
                         extension=None)
            for one in visits
        ),
        Kind.HITS: (
            HitLine(visit_id=one.visit_id, hit_at=one.seen_at, kind=HitKind.PAGE, path=_SECOND)
            for one in visits
        ),
    }  # fmt: skip


def _calls(
    visits: Sequence[VisitLine], latest: Mapping[str, deque[VisitLine]], chance: random.Random
) -> Mapping[Kind, Iterable[Line]]:
    """The newest visits that were shown the number share each call."""
    calls: list[Line] = []
    credits_: list[Line] = []
    for visit in visits:
        latest[_number(visit)].appendleft(visit)
        if chance.random() >= CALLS_A_VISIT:
            continue
        call = f"past-{visit.visit_id}"
        shared = list(zip(latest[_number(visit)], _SHARES, strict=False))
        calls.append(_call(call, visit, shared, chance))
        credits_ += [
            CreditLine(
                gateway=GatewayKind.SIP, call_id=call, started_at=visit.seen_at, position=position,
                visit_id=one.visit_id, probability=share, channel=one.channel,
                campaign=one.campaign, keyword=one.term, source=_said(one), why=None,
            )
            for position, (one, share) in enumerate(shared)
        ]  # fmt: skip
    return {Kind.CALLS: calls, Kind.CREDITS: credits_}


def _call(
    call: str, visit: VisitLine, shared: Sequence[tuple[VisitLine, float]], chance: random.Random
) -> CallLine:
    by_channel: dict[str, float] = defaultdict(float)
    for one, share in shared:
        by_channel[one.channel] += share
    answered = chance.random() < _ANSWERED
    return CallLine(
        gateway=GatewayKind.SIP, call_id=call, number=_number(visit),
        caller=caller_of(chance.getrandbits(30)), started_at=visit.seen_at,
        outcome=Outcome.ANSWERED if answered else Outcome.MISSED, reason=None, code=200,
        target=TARGET, ring_seconds=8.0, talk_seconds=120.0 if answered else 0.0, legs="[]",
        recording_url=None, recording_seconds=None, recording_channels=None, session=None,
        plan_source=PlanSource.BACKEND, node=None, digits=None, flow=None, audio_format=None,
        audio_sha256=None, spam=False, basis=Basis.EXPOSURES, model=SHIPPED.name,
        unknown=1.0 - sum(by_channel.values()), repeat=0.0, from_visits=True,
        shares=[Share(channel, share) for channel, share in by_channel.items()],
    )  # fmt: skip


def _said(visit: VisitLine) -> str:
    said = Source(visit.channel, visit.source, visit.medium, visit.campaign, visit.term)
    return rows.text(said)


def _has_audio(_: CallLine) -> bool:
    return False


def _number(visit: VisitLine) -> str:
    assert visit.number is not None
    return visit.number


def _day_of(visit: VisitLine) -> int:
    return visit.day


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000, UTC)
