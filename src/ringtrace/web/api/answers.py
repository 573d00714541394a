"""What the API answers. Absent and unknown values are null; times are RFC 3339 in UTC."""

from datetime import datetime
from typing import Any

import msgspec

from ringtrace.web.api.spam_answers import ScreeningAnswer, SpamMarkAnswer


class ErrorAnswer(msgspec.Struct, frozen=True):
    """`error_id` is stable, `field` names what is wrong, `message` is for people."""

    error_id: str
    field: str | None
    message: str


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


class CallDetailAnswer(msgspec.Struct, frozen=True):
    """A call with everything that is known of it."""

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
    session: str | None
    plan_source: str | None
    node: str | None
    credits: list[CreditAnswer]
    correction: CorrectionAnswer | None
    legs: list[LegAnswer]
    reports: list[ReportAnswer]


class ChannelAnswer(msgspec.Struct, frozen=True):
    """Expected calls of a channel: probabilities summed. `channel` null is what stays unknown.

    `calls_low` and `calls_high` are the 95 % interval of `calls`.
    """

    channel: str | None
    calls: float
    calls_low: float
    calls_high: float
    answered: float
    talk_seconds: float
    visits: int
    visit_calls: float


class ChannelsAnswer(msgspec.Struct, frozen=True):
    """`spam` says whether the `spam_calls` are among those of the channels."""

    since: datetime | None
    until: datetime | None
    spam: str
    spam_calls: int
    channels: list[ChannelAnswer]


class BandAnswer(msgspec.Struct, frozen=True):
    """Calls stated with a probability in [low, high), their mean of it, and what came true.

    `realised_low` and `realised_high` are the 95 % interval of `realised`.
    """

    low: float
    high: float
    calls: int
    stated: float
    realised: float
    realised_low: float
    realised_high: float


class ReliabilityAnswer(msgspec.Struct, frozen=True):
    """`error` is the mean distance of stated and realised in the bands; `chance` the one to expect.

    That is: of as many calls if every statement were exactly right. `whole` is all calls as one
    band, null without any.
    """

    calls: int
    error: float
    chance: float
    whole: BandAnswer | None
    bands: list[BandAnswer]


class ProofKindAnswer(msgspec.Struct, frozen=True):
    """Calls whose truth came to light in this way: `correction`, `extension` or `tap`."""

    kind: str
    reliability: ReliabilityAnswer


class CalibrationAnswer(msgspec.Struct, frozen=True):
    """Whether stated probabilities come true, by the calls of which the truth is known.

    Each call counts once, by its strongest proof. `only_holder` counts the calls to numbers that
    one visit alone was shown in the 14 days before: they prove nothing and are in no table.
    """

    since: datetime | None
    until: datetime | None
    site: str | None
    together: ReliabilityAnswer
    kinds: list[ProofKindAnswer]
    only_holder: int


class DevicesAnswer(msgspec.Struct, frozen=True):
    desktop: float
    mobile: float


class ContactAnswer(msgspec.Struct, frozen=True):
    """Before and after the contact page was seen."""

    before: float
    after: float


class ModelAnswer(msgspec.Struct, frozen=True):
    """What calls are attributed with: `made_at` is null where nothing was learnt yet.

    `calls_per_visit` holds for a channel without a rate in `channels`; `devices` and `contact`
    multiply it. `noise` is wrong and robot calls per number and day, `repeat` and `withheld` are
    shares of callers.
    """

    site: str
    name: str
    made_at: datetime | None
    calls_per_visit: float
    channels: dict[str, float]
    devices: DevicesAnswer
    contact: ContactAnswer
    noise: float
    repeat: float
    withheld: float


class ReattributedAnswer(msgspec.Struct, frozen=True):
    """Of the `calls` since then so many are attributed otherwise now."""

    since: datetime
    calls: int
    changed: int


class PageViewAnswer(msgspec.Struct, frozen=True):
    at: datetime
    kind: str
    path: str


class VisitAnswer(msgspec.Struct, frozen=True):
    """A visit, `shown_at` when it first got a number; `views` oldest first."""

    visit_id: str
    visitor_id: str
    site: str
    device: str
    number: str | None
    shown_at: datetime
    seen_at: datetime
    left_at: datetime | None
    tapped_at: datetime | None
    source: SourceAnswer
    views: list[PageViewAnswer]


class AccountAnswer(msgspec.Struct, frozen=True):
    account_id: int
    name: str
    region: str


class SiteAnswer(msgspec.Struct, frozen=True):
    key: str
    name: str
    origins: list[str]
    swap: list[str]
    extensions_above: float | None


class TargetAnswer(msgspec.Struct, frozen=True):
    to: str
    ring_seconds: int


class ExtensionAnswer(msgspec.Struct, frozen=True):
    code: str
    name: str
    source: SourceAnswer
    targets: list[TargetAnswer]


class FlowAnswer(msgspec.Struct, frozen=True):
    """The newest version of a flow; `flow` is the document that was sent."""

    name: str
    version: int
    made_at: datetime
    flow: dict[str, Any]


class TrackingNumberAnswer(msgspec.Struct, frozen=True):
    """`source` is what a static number stands for, `site` whose visitors see a pool number.

    A canary is its site's too, but nobody sees it.
    """

    number: str
    kind: str
    name: str
    site: str | None
    source: SourceAnswer | None
    targets: list[TargetAnswer]
    record: bool
    active: bool
    extensions: list[ExtensionAnswer]
    flow: str | None


class SoundAnswer(msgspec.Struct, frozen=True):
    """`flows` are those that play it; `link` is under this server's root and expires.

    `made_by` is the login of who uploaded it, null through the API.
    """

    name: str
    seconds: float
    made_at: datetime
    made_by: str | None
    flows: list[str]
    link: str


class SoundsAnswer(msgspec.Struct, frozen=True):
    sounds: list[SoundAnswer]


class WarningAnswer(msgspec.Struct, frozen=True):
    """What was saved and may still not be what is meant."""

    field: str
    message: str


class RecipientAnswer(msgspec.Struct, frozen=True):
    """`failing_since` is null while notices reach him, `secret_made_at` while nothing is signed."""

    recipient: str
    to: str
    kind: str
    events: list[str]
    standing: str
    failing_since: datetime | None
    secret_made_at: datetime | None


class SetupAnswer(msgspec.Struct, frozen=True):
    """`spam` are the rules with their thresholds, as the set-up document writes them."""

    account: AccountAnswer
    sites: list[SiteAnswer]
    numbers: list[TrackingNumberAnswer]
    flows: list[FlowAnswer]
    recipients: list[RecipientAnswer]
    spam: dict[str, Any]
    warnings: list[WarningAnswer]


class TokenAnswer(msgspec.Struct, frozen=True):
    """Shown once: only a digest is kept."""

    kind: str
    token: str


class IssuedAnswer(msgspec.Struct, frozen=True):
    kind: str
    issued_at: datetime


class TokensAnswer(msgspec.Struct, frozen=True):
    """The valid tokens, newest first; never the tokens themselves."""

    tokens: list[IssuedAnswer]


class OpenedAnswer(msgspec.Struct, frozen=True):
    """Shown once: only digests of the password and the API token are kept."""

    account_id: int
    login: str
    password: str
    token: str
