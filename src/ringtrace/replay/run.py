"""Sizing by replay: from files or the store to shares, intervals, cost and advice."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from ringtrace.bootstrap import open_reader
from ringtrace.config import Settings
from ringtrace.domain import sizing
from ringtrace.domain.drawing import draw
from ringtrace.domain.history import History, gather
from ringtrace.domain.intervals import Share
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.placing import Calls, Placement, RealCall, place
from ringtrace.domain.sizing import Advice, Coded, Outcome, Sizing, Target
from ringtrace.listing import utc_text
from ringtrace.replay.files import read_calls, read_hits
from ringtrace.services.call_records import SiteHistory

T = TypeVar("T")
_TICK: Final = 5_000

ASSUMPTIONS: Final = {
    Placement.GIVEN: "the visit behind the call was given",
    Placement.ATTRIBUTED: "the visit was drawn from our own attribution of the call, as if that "
    "were calibrated",
    Placement.BY_HAZARD: "the moment of the call is real; the visit was drawn by the shipped "
    "hazard from all visits of the 14 days before",
    Placement.DRAWN: "there were no calls: first calls were drawn from the shipped hazard, at "
    f"about {SHIPPED.calls_per_visit:.1%} of visits whatever their channel; nobody calls again or "
    "withholds his number",
    Placement.LEFT_OUT: "not replayed: the visit is not in the hits, or a wrong number",
}


class SiteUnknownError(LookupError):
    """The store has no such site, or several to choose from."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is replayed; `calls` None when there are no records of calls at all.

    `complete_since` (ms since 1970 UTC): earlier visits were asked for, but have left the store.
    """

    history: History
    calls: Sequence[RealCall] | None
    complete_since: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: pool sizes, price of a number and month, targets, seed of all randomness.

    `extensions_above` as `sizing.size` says.
    """

    numbers: Sequence[int]
    price: float
    targets: Mapping[Target, float]
    seed: int
    extensions_above: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    plan: Plan
    history: History
    calls: Calls
    sizing: Sizing
    advice: tuple[Advice, ...]
    complete_since: int | None

    def to_data(self) -> dict[str, object]:
        """Plain data, ready for JSON. Shares are of the scored calls."""
        history, found = self.history, self.sizing
        return {
            "hits": {
                "visits": len(history),
                "left_out": history.left_out,
                "since": utc_text(int(history.at[0])),
                "until": utc_text(int(history.at[-1])),
                "beats": "filled" if history.beats_filled else "given",
                "complete_since": None
                if self.complete_since is None
                else utc_text(self.complete_since),
            },
            "calls": {
                "placed": {how: count for how, count in self.calls.counts.items() if count},
                "assumptions": self.assumptions(),
                "scored": found.scored,
                "scored_since": utc_text(found.scored_since),
                "scored_days": found.days,
            },
            "wrong_calls_per_number_and_day": SHIPPED.noise * 86_400,
            "interval": {"level": 0.95, "resampled": found.resampled},
            "price": self.plan.price,
            "extensions_above": self.plan.extensions_above,
            "seed": self.plan.seed,
            "sizes": [
                {
                    "numbers": one.numbers,
                    "monthly_cost": one.monthly_cost,
                    "ours": _outcome_data(one.ours),
                    "trade": _outcome_data(one.trade),
                    "extensions": _coded_data(one.coded),
                }
                for one in found.sizes
            ],
            "advice": [
                {
                    "target": one.target,
                    "share": one.share,
                    "numbers": one.numbers,
                    "likely": one.likely,
                }
                for one in self.advice
            ],
        }

    def assumptions(self) -> dict[Placement, str]:
        """Why each call was put where it was, by the kinds of placement that occurred."""
        return {how: ASSUMPTIONS[how] for how, count in self.calls.counts.items() if count}


def from_files(
    hits: Path, calls: Path | None, tick: Callable[[int], None] = lambda _: None
) -> Material:
    """`tick` is told how many lines were read. Raises FileInvalidError, NoVisitsError, OSError."""
    history = gather(_ticking(read_hits(hits), tick))
    return Material(history, None if calls is None else list(_ticking(read_calls(calls), tick)))


def from_store(settings: Settings, account_id: int, site: str | None, days: int) -> Material:
    """The last days of a site; `site` None is the account's only one.

    Raises SiteUnknownError, NoVisitsError, and what `open_reader` raises.
    """
    found = asyncio.run(_history(settings, account_id, site, days))
    # The store keeps of beats only the last: who did not leave was on page until then.
    history = gather(found.hits, fill_ms=DAY_MS)
    return Material(history, found.calls or None, found.complete_since)


async def _history(settings: Settings, account_id: int, site: str | None, days: int) -> SiteHistory:
    async with open_reader(settings) as store:
        sites = (await store.configuration()).sites
        keys = sorted(one.key for one in sites if one.account_id == account_id)
        if site is None and len(keys) == 1:
            site = keys[0]
        if site is None or site not in keys:
            raise SiteUnknownError(f"--site: one of {', '.join(keys) or 'none (no site)'}")
        return await store.history(account_id, site, days)


def placed(material: Material, seed: int) -> Calls:
    """The calls to replay; the same seed draws the same ones."""
    rng = np.random.default_rng([seed, 0])
    if material.calls is None:
        return draw(material.history, rng)
    return place(material.history, material.calls, rng)


def run(
    material: Material, calls: Calls, plan: Plan, tick: Callable[[int], None] = lambda _: None
) -> Result:
    """Raises NoCallsError. `tick` is told how many events were replayed, see sizing.effort."""
    rng = np.random.default_rng([plan.seed, 1])
    found = sizing.size(
        material.history, calls, plan.numbers, plan.price, rng, tick, plan.extensions_above
    )
    advice = sizing.advise(found, plan.targets)
    return Result(plan, material.history, calls, found, advice, material.complete_since)


def _ticking(items: Iterable[T], tick: Callable[[int], None]) -> Iterator[T]:
    count = 0
    for count, item in enumerate(items, 1):
        yield item
        if count % _TICK == 0:
            tick(_TICK)
    tick(count % _TICK)


def _outcome_data(outcome: Outcome) -> dict[str, dict[str, float]]:
    return {
        "right_visit": _share_data(outcome.visit),
        "right_channel": _share_data(outcome.channel),
        "right_keyword": _share_data(outcome.keyword),
        "unknown": _share_data(outcome.unknown),
    }


def _coded_data(coded: Coded | None) -> dict[str, object] | None:
    if coded is None:
        return None
    return {
        **_outcome_data(coded.outcome),
        "visits_shown": round(coded.shown, 5),
        "calls_lost": _share_data(coded.lost),
    }


def _share_data(share: Share) -> dict[str, float]:
    return {
        "share": round(share.value, 5),
        "low": round(share.low, 5),
        "high": round(share.high, 5),
    }
