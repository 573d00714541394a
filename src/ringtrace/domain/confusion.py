"""What it would cost to show a number to one more visitor: the calls it would confuse.

The exact choice of pool.md (policy P2), for pools too small to be divided among channels.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ringtrace.domain import hazard

HORIZON_SECONDS: Final = 600
HOLDERS: Final = 2
"""So many of the latest holders are followed one by one."""
SAME_KEYWORD: Final = 0.04
SAME_CHANNEL: Final = 0.15
"""What a mix-up within a keyword, or a channel, weighs beside one across channels."""
_ON_PAGE: Final = 0.5 / HORIZON_SECONDS
_LATE: Final = 0.1 / 86_400
_LATE_SECONDS: Final = 86_400.0


def _mean_rates() -> tuple[float, ...]:
    """Mean hazard (per second) over the horizon, for each bin of age."""
    edges = [edge / 1_000 for edge in hazard.AGE_EDGES_MS.tolist()]
    rates = hazard.PRIOR_HAZARD[hazard.AGES : hazard.MOBILE_AGES].tolist()
    spans = list(zip(pairwise(edges), rates, strict=True))
    return tuple(
        sum(
            rate * max(0.0, min(end, start + HORIZON_SECONDS) - max(begin, start))
            for (begin, end), rate in spans
        )
        / HORIZON_SECONDS
        for start in edges[:-1]
    )


_MEAN_RATES: Final = _mean_rates()


@dataclass(slots=True)
class _Holder:
    channel: str
    keyword: str | None
    rate: float
    seen_at: int


@dataclass(slots=True)
class _Past:
    """The last two holders of a number, and the fading rates of all before them by channel."""

    holders: list[_Holder] = field(default_factory=list)
    late: dict[str, float] = field(default_factory=dict)
    late_at: int = 0


class Confusion:
    """Follows who held which number. `rates`: calls per visit by channel; 1 for those not named."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        self.rates = rates
        self._pasts: dict[str, _Past] = {}

    def took(
        self,
        number: str,
        seen_at: int,
        channel: str,
        keyword: str | None,
        at: int,
        share: float = 1.0,
    ) -> None:
        """The number, whose holder showed his last sign of life at `seen_at`, is shown anew.

        `share` of the new holder's calls can be mixed up; with an extension it is not all of them.
        """
        past = self._pasts.setdefault(number, _Past())
        if past.holders:
            past.holders[-1].seen_at = seen_at
        past.holders.append(_Holder(channel, keyword, share * self._rate(channel), at))
        if len(past.holders) > HOLDERS:
            self._fade(past, at)
            oldest = past.holders.pop(0)
            past.late[oldest.channel] = past.late.get(oldest.channel, 0.0) + oldest.rate * _LATE

    def cost(
        self,
        number: str,
        seen_at: int,
        on_page: bool,
        channel: str | None,
        keyword: str | None,
        at: int,
    ) -> float:
        """Calls a second that would be confused, a mix-up across channels counting in full.

        Without a channel every mix-up does.
        """
        past = self._pasts.get(number)
        if past is None:
            return 0.0
        past.holders[-1].seen_at = seen_at
        cost = 0.0
        for holder in past.holders:
            last = holder is past.holders[-1]
            coming = _ON_PAGE if last and on_page else _mean_rate(at - holder.seen_at)
            cost += holder.rate * coming * _weight(holder, channel, keyword)
        fading = math.exp(-(at - past.late_at) / (1_000 * _LATE_SECONDS))
        for name, rate in past.late.items():
            cost += rate * fading * (SAME_CHANNEL if name == channel else 1.0)
        return cost

    def risk(self, number: str, seen_at: int, on_page: bool, channel: str, at: int) -> float:
        """How probable a mix-up is: the calls coming from others, in all that come.

        `channel` is that of the visitor who is on page with the number from now on.
        """
        others = self.cost(number, seen_at, on_page, None, None, at)
        return others / (others + self._rate(channel) * _ON_PAGE)

    def _rate(self, channel: str) -> float:
        return self.rates.get(channel, 1.0)

    def _fade(self, past: _Past, at: int) -> None:
        fading = math.exp(-(at - past.late_at) / (1_000 * _LATE_SECONDS))
        past.late = {name: rate * fading for name, rate in past.late.items()}
        past.late_at = at


def _weight(holder: _Holder, channel: str | None, keyword: str | None) -> float:
    if holder.channel != channel:
        return 1.0
    return SAME_KEYWORD if holder.keyword == keyword else SAME_CHANNEL


def _mean_rate(age_ms: int) -> float:
    doublings = math.log2(1 + max(age_ms, 0) / 15_000)
    return _MEAN_RATES[min(int(4 * doublings), len(_MEAN_RATES) - 1)]
