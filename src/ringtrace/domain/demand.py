"""What a flow wants to know of a call before it can become a plan."""

from dataclasses import dataclass
from functools import lru_cache

from ringtrace.domain.flow import Branch, Dial, Flow, How, places_of, sounds_of
from ringtrace.domain.resolve import PLACEHOLDER

_OF_THE_VISIT = frozenset({"channel", "campaign", "keyword"})


@dataclass(frozen=True, slots=True)
class Demand:
    """Whether the flow asks for the attributed `visit`, or for the `history` of the caller.

    `sounds` are the names of those that it plays; with `turn` its calls take turns at targets.
    """

    visit: bool
    history: bool
    sounds: frozenset[str] = frozenset()
    turn: bool = False


class Demands:
    """What each flow asks for: calls ask all the time, and flows seldom change."""

    def __init__(self, most_known: int = 10_000) -> None:
        self._known: dict[int, tuple[Flow, Demand]] = {}
        self._most_known = most_known

    def __len__(self) -> int:
        return len(self._known)

    def of(self, flow: Flow) -> Demand:
        known = self._known.get(id(flow))
        if known is not None and known[0] is flow:
            return known[1]
        if len(self._known) >= self._most_known:
            self._known.clear()
        self._known[id(flow)] = flow, demand(flow)
        return self._known[id(flow)][1]


def demand(flow: Flow) -> Demand:
    """What is not asked for need not be looked up while the caller waits."""
    steps = [place.step for place in places_of(flow.step)]
    branches = [step.when for step in steps if isinstance(step, Branch)]
    dials = [step for step in steps if isinstance(step, Dial)]
    return Demand(
        visit=any(when.channel or when.campaign for when in branches)
        or any(_names_visit(dial.whisper or "") for dial in dials),
        history=any(when.repeat_caller is not None or when.tag for when in branches)
        or any(dial.sticky for dial in dials),
        sounds=sounds_of(flow),
        turn=any(dial.how is How.ROUND_ROBIN for dial in dials),
    )


@lru_cache(maxsize=1_024)
def _names_visit(whisper: str) -> bool:
    return not _OF_THE_VISIT.isdisjoint(PLACEHOLDER.findall(whisper))
