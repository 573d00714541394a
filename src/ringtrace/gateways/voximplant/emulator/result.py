"""What a session left behind."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Moment:
    """An event that reached the scenario, or a command it gave, `t` virtual seconds in."""

    t: float
    kind: Literal["event", "command"]
    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """An HTTP request; `code` is None when nobody waited for its answer."""

    t: float
    method: str
    url: str
    body: str | None
    code: int | None


LegResult = Literal["answered", "busy", "no_answer", "cancelled", "rejected", "failed"]


@dataclass(frozen=True, slots=True)
class LegSummary:
    """A dialled leg: `ring` and `talk` are seconds."""

    to: str
    result: LegResult
    code: int
    ring: float
    talk: float


@dataclass(frozen=True, slots=True)
class Recording:
    """`leg` is what was dialled, or `caller` for the incoming leg."""

    leg: str
    url: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    finish_reason: str
    duration: float
    log: tuple[str, ...]
    timeline: tuple[Moment, ...]
    requests: tuple[Sent, ...]
    legs: tuple[LegSummary, ...]
    recordings: tuple[Recording, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain data in the shape that `ringtrace voximplant run --json` prints."""
        return asdict(self)
