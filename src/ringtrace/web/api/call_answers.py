"""What the API answers about calls.

In all answers absent and unknown values are null; times are RFC 3339 in UTC.
"""

from datetime import datetime

import msgspec

from ringtrace.web.api.spam_answers import ScreeningAnswer, SpamMarkAnswer


class ClickIdAnswer(msgspec.Struct, frozen=True):
    type: str
    value: str


class SourceAnswer(msgspec.Struct, frozen=True):
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None
    keyword: str | None
    content: str | None
    click_id: ClickIdAnswer | None
    landing_page: str | None
    decided_by: str | None


class WhyAnswer(msgspec.Struct, frozen=True):
    """What spoke for a candidate, and its `weight` in calls per second.

    weight = (hazard x channel x keyword x device x contact + tap) x free x caller

    `state` is where the visitor stood, `hazard` its calls per second; `channel` is calls per
    visit; `free` is the probability that he had not called yet; `known` is whether the caller had
    called the site before, null when he withheld his number.
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
    known: bool | None
    own: float
    weight: float


class CreditAnswer(msgspec.Struct, frozen=True):
    """The share of the call that one visit gets.

    Without a visit it is a static number's source, or several visits of one source.
    """

    visit_id: str | None
    probability: float
    source: SourceAnswer
    why: WhyAnswer | None


class CorrectionAnswer(msgspec.Struct, frozen=True):
    """A user said who called; `visit_id` null is none of the visits.

    `made_by` is his login, null through the API.
    """

    visit_id: str | None
    made_at: datetime
    made_by: str | None


class AttributionAnswer(msgspec.Struct, frozen=True):
    """The most probable answer to each question; with `unknown` all credits sum to 1.

    `repeat` is the share that continues an earlier call of the same caller.
    """

    basis: str
    model: str
    channel: str | None
    channel_probability: float | None
    campaign: str | None
    keyword: str | None
    visit_id: str | None
    visit_probability: float | None
    unknown: float
    repeat: float | None


class NumberAnswer(msgspec.Struct, frozen=True):
    e164: str
    name: str | None
    kind: str | None


class RecordingAnswer(msgspec.Struct, frozen=True):
    """`link` is under this server's root and expires; null until the audio has arrived.

    `format` is wav, flac, opus or mp3, `sha256` (hex) that of the file; null of a platform's.
    """

    link: str | None
    seconds: float | None
    channels: int | None
    format: str | None
    sha256: str | None


class LegAnswer(msgspec.Struct, frozen=True):
    target: str
    started_at: datetime
    ring_seconds: float
    talk_seconds: float
    code: int | None
    reason: str | None


class TagAnswer(msgspec.Struct, frozen=True):
    """`made_by` is the login of who tagged the call, null through the API."""

    tag: str
    made_at: datetime
    made_by: str | None


class TagNamesAnswer(msgspec.Struct, frozen=True):
    """In alphabetical order."""

    tags: list[str]


class CallAnswer(msgspec.Struct, frozen=True):
    """A call; `outcome` is null while it is ringing or talking, `digits` are an extension keyed.

    `flow` is the name and version of the flow that routed it. Reports leave `spam` out: it follows
    from `screening`, or else from `spam_mark`.
    """

    gateway: str
    call: str
    number: NumberAnswer
    caller: str | None
    started_at: datetime
    outcome: str | None
    reason: str | None
    code: int | None
    target: str | None
    ring_seconds: float | None
    talk_seconds: float | None
    attribution: AttributionAnswer
    recording: RecordingAnswer | None
    contradictions: int
    digits: str | None
    flow: str | None
    spam: bool
    screening: ScreeningAnswer | None
    spam_mark: SpamMarkAnswer | None
    tags: list[TagAnswer]


class CallPageAnswer(msgspec.Struct, frozen=True):
    """Newest first; `total` counts all calls that match."""

    calls: list[CallAnswer]
    total: int
    limit: int
    offset: int


class ReportedRecordingAnswer(msgspec.Struct, frozen=True):
    seconds: float | None
    channels: int | None


class ReportAnswer(msgspec.Struct, frozen=True):
    """A gateway's report as it came in; one that is not `accepted` contradicts the call."""

    received_at: datetime
    accepted: bool
    number: str
    caller: str | None
    started_at: datetime
    outcome: str
    reason: str | None
    code: int | None
    target: str | None
    ring_seconds: float | None
    talk_seconds: float | None
    legs: list[LegAnswer]
    recording: ReportedRecordingAnswer | None
    session: str | None
    plan_source: str | None
    digits: str | None
    node: str | None
    flow: str | None


class CallDetailAnswer(CallAnswer, frozen=True):
    """A call with everything that is known of it."""

    session: str | None
    plan_source: str | None
    node: str | None
    credits: list[CreditAnswer]
    correction: CorrectionAnswer | None
    legs: list[LegAnswer]
    reports: list[ReportAnswer]
