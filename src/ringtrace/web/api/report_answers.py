"""What the API answers about channels, visits, and how far attribution is to be trusted."""

from datetime import datetime

import msgspec

from ringtrace.web.api.call_answers import SourceAnswer


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
    one visit alone was shown in the 14 days before: they prove nothing and are in no table. Where
    visits have left the database it counts those from `only_holder_since` on, which is null else.
    """

    since: datetime | None
    until: datetime | None
    site: str | None
    together: ReliabilityAnswer
    kinds: list[ProofKindAnswer]
    only_holder: int
    only_holder_since: datetime | None


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
