"""How probable a mix-up is if one more visitor is shown a number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ringtrace.domain import hazard

HORIZON_SECONDS: Final = 600
HOLDERS: Final = 2
"""So many of the latest holders are followed one by one."""
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
    rate: float
    seen_at: int


@dataclass(slots=True)
class _Past:
    """The last two holders of a number, and the fading rate of all before them."""

    holders: list[_Holder] = field(default_factory=list)
    late: float = 0.0
    late_at: int = 0

    def late_rate(self, at: int) -> float:
        return self.late * math.exp(-(at - self.late_at) / (1_000 * _LATE_SECONDS))


class Confusion:
    """Follows who held which number. `rates`: calls per visit by channel; 1 for those not named."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        self.rates = rates
        self._pasts: dict[str, _Past] = {}

    def took(self, number: str, seen_at: int, channel: str, at: int, share: float = 1.0) -> None:
        """The number, whose holder showed his last sign of life at `seen_at`, is shown anew.

        `share` of the new holder's calls can be mixed up; with an extension it is not all of them.
        """
        past = self._pasts.setdefault(number, _Past())
        if past.holders:
            past.holders[-1].seen_at = seen_at
        past.holders.append(_Holder(share * self._rate(channel), at))
        if len(past.holders) > HOLDERS:
            past.late = past.late_rate(at) + past.holders.pop(0).rate * _LATE
            past.late_at = at

    def risk(self, number: str, seen_at: int, on_page: bool, channel: str, at: int) -> float:
        """The calls coming from others, in all that come.

        `channel` is that of the visitor who is on page with the number from now on, `on_page`
        whether its last holder is, too.
        """
        past = self._pasts.get(number)
        if past is None:
            return 0.0
        past.holders[-1].seen_at = seen_at
        others = past.late_rate(at)
        for holder in past.holders:
            is_there = on_page and holder is past.holders[-1]
            others += holder.rate * (_ON_PAGE if is_there else _mean_rate(at - holder.seen_at))
        return others / (others + self._rate(channel) * _ON_PAGE)

    def _rate(self, channel: str) -> float:
        return self.rates.get(channel, 1.0)


def _mean_rate(age_ms: int) -> float:
    doublings = math.log2(1 + max(age_ms, 0) / 15_000)
    return _MEAN_RATES[min(int(4 * doublings), len(_MEAN_RATES) - 1)]
