"""What a telephone does with a call, and what it saw of it."""

from dataclasses import dataclass

from ringtrace.demo.keypad import KeysAs
from ringtrace.demo.rtp import Heard


@dataclass(frozen=True)
class Calling:
    """As caller: speak `tone_hz` and hang up after `talk_seconds` (`None`: when the agent does).

    `cancel_after` seconds of ringing the caller gives up; `hold_after` seconds of talk it puts
    the agent on hold by a re-INVITE. `keys_after` seconds after the answer it presses `keys`.
    """

    tone_hz: float = 440.0
    talk_seconds: float | None = 1.0
    cancel_after: float | None = None
    hold_after: float | None = None
    keys: str = ""
    keys_after: float = 0.5
    keys_as: KeysAs = KeysAs.EVENTS


@dataclass(frozen=True)
class Answers:
    """As agent: ring for `after` seconds, speak `tone_hz`, perhaps hang up after some seconds.

    `keys_after` seconds after the answer it presses `keys`.
    """

    after: float = 0.2
    tone_hz: float = 880.0
    hang_up_after: float | None = None
    keys: str = ""
    keys_after: float = 0.5
    keys_as: KeysAs = KeysAs.EVENTS


@dataclass(frozen=True)
class Refuses:
    """As agent: refuse with a SIP code, 486 for busy or 603 for "leave me alone"."""

    code: int = 486
    after: float = 0.0


@dataclass(frozen=True)
class NeverAnswers:
    """As agent: ring until the caller gives up; with `early_hz` speak before any answer (183)."""

    early_hz: float | None = None


Behaviour = Answers | Refuses | NeverAnswers


@dataclass(frozen=True)
class CallResult:
    """`code` is the final SIP code; times in seconds; `hold_code` answers the re-INVITE.

    `tone_at` is the `time.monotonic` at which our tone began, `keys_at` are those of our keys.
    """

    code: int
    rang: bool
    ring_seconds: float
    talk_seconds: float
    heard: Heard
    hold_code: int | None = None
    tone_at: float | None = None
    keys_at: tuple[float, ...] = ()


@dataclass(frozen=True)
class AgentCall:
    """What the agent saw: the number called, the caller shown, and how it went on."""

    number: str
    caller: str
    code: int
    talk_seconds: float
    heard: Heard
    held: bool
    tone_at: float | None
