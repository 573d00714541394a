"""One leg of a call: the caller's, or a dialled party's."""

from dataclasses import dataclass
from enum import Enum

from ringtrace.gateways.voximplant.emulator.agenda import Appointment
from ringtrace.gateways.voximplant.emulator.result import LegResult, LegSummary

_RESULTS: dict[int, LegResult] = {
    200: "answered",
    486: "busy",
    600: "busy",
    408: "no_answer",
    480: "no_answer",
    603: "rejected",
    607: "rejected",
}


class LegState(Enum):
    WAITING = "waiting"
    """Alerting or being dialled."""
    CONNECTED = "connected"
    ENDED = "ended"


@dataclass(slots=True)
class Recorded:
    url: str
    began: float | None = None
    seconds: float | None = None


@dataclass(slots=True, eq=False)
class Leg:
    """Times are virtual seconds since the session began."""

    id: str
    to: str
    incoming: bool
    began: float
    sip: bool = False
    state: LegState = LegState.WAITING
    connected: float | None = None
    ended: float | None = None
    code: int = 0
    cancelled: bool = False
    """We hung up before an answer."""
    early_media: bool = False
    accepted: bool = False
    """We answered, or are sending early media: what is played reaches the party."""
    tones_handled: bool = False
    keys: tuple[tuple[float, str], ...] = ()
    """What the party presses: (seconds after the answer, key)."""
    recorded: Recorded | None = None
    playback: Appointment | None = None

    @property
    def alive(self) -> bool:
        return self.state is not LegState.ENDED

    def whole_seconds(self, now: float) -> int:
        """Duration as the platform bills it: whole seconds since the answer."""
        return 0 if self.connected is None else int(now - self.connected)

    def summary(self, now: float) -> LegSummary:
        end = now if self.ended is None else self.ended
        ring = (end if self.connected is None else self.connected) - self.began
        talk = 0.0 if self.connected is None else end - self.connected
        code = 200 if self.connected is not None else self.code
        result = "cancelled" if self.cancelled else _RESULTS.get(code, "failed")
        return LegSummary(self.to, result, code, round(ring, 3), round(talk, 3))
