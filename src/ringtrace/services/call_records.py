"""What the store knows of calls, and of the visits that they may have come from."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringtrace.domain.attribution import Attribution, Caller, Candidate
from ringtrace.domain.audio import Audio
from ringtrace.domain.call import GatewayKind, Report
from ringtrace.domain.history import Hit
from ringtrace.domain.placing import RealCall
from ringtrace.services.spam_records import (
    Screening,
    Spam,
    SpamMark,
)


@dataclass(frozen=True, slots=True)
class CallerHistory:
    """`last_target` is whom the caller talked to last; None: to nobody so far.

    `tags` are those of his earlier calls.
    """

    called_before: bool = False
    last_target: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The visits that were shown the number, and what is remembered of the caller.

    `keyed` is the visit that was shown the extension which the caller keyed. It is not `complete`
    when visits that could have called have left the store.
    """

    candidates: Sequence[Candidate]
    caller: Caller
    keyed: Candidate | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Correction:
    """A user said that `visit_id` called, None: none of the visits.

    `made_at` is ms since 1970 UTC, `made_by` his login, None through the API.
    """

    visit_id: str | None
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class CallTag:
    """A word that a user put on a call.

    `made_at` is ms since 1970 UTC, `made_by` his login, None through the API.
    """

    tag: str
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the console and the API show it; without a report it is still ringing.

    `audio` is the file that the gateway handed over, `digits` are what the caller keyed when he
    was asked for an extension, `flow` the name and version of the flow that routed it. Whether it
    is `spam` follows from what a rule made of it (`screening`) and from what a user says
    (`spam_mark`).
    """

    gateway: GatewayKind
    call: str
    number: str
    caller: str | None
    started_at: int
    report: Report | None
    attribution: Attribution
    audio: Audio | None
    contradictions: int
    correction: Correction | None = None
    digits: str | None = None
    flow: str | None = None
    spam: bool = False
    screening: Screening | None = None
    spam_mark: SpamMark | None = None
    tags: tuple[CallTag, ...] = ()

    @property
    def is_playable(self) -> bool:
        """Whether there is audio, here or at the platform."""
        said = self.report.recording if self.report else None
        return self.audio is not None or (said is not None and said.url is not None)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as it came in, at `received_at` (ms since 1970 UTC).

    One that is not `accepted` contradicts what was known of the call and changed nothing.
    """

    received_at: int
    accepted: bool
    report: Report


@dataclass(frozen=True, slots=True)
class CallPage:
    """Newest first; `total` counts all that match."""

    calls: tuple[CallRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls begun in [since, until), ms since 1970; `channel` is one that got credit.

    `unknown` keeps those of which more than half is unknown.
    """

    since: int | None = None
    until: int | None = None
    channel: str | None = None
    outcome: str | None = None
    unknown: bool = False
    spam: Spam = Spam.WITH
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class ProofFilter:
    """Calls begun in [since, until), ms since 1970, to the numbers of one site or of all."""

    since: int | None = None
    until: int | None = None
    site_key: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Expected calls of one channel: credits summed. `channel` None is what stays unknown.

    `calls_low` and `calls_high` are the 95 % interval of `calls` (domain/tally.py).
    `visit_calls` are those of the calls that came from the `visits`, not from static numbers.
    """

    channel: str | None
    calls: float
    calls_low: float
    calls_high: float
    answered: float
    talk_seconds: float
    visits: int
    visit_calls: float


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """Hits of the visits that began in the days asked for, and calls to the site's pool.

    `complete_since` (ms since 1970 UTC): what began before has left the store; None: nothing has.
    """

    hits: Sequence[Hit]
    calls: Sequence[RealCall]
    complete_since: int | None = None


@dataclass(frozen=True, slots=True)
class PageView:
    at: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """A visit with what happened in it, oldest first."""

    candidate: Candidate
    visitor_id: str
    site_key: str
    device: str
    number: str | None
    views: tuple[PageView, ...]
