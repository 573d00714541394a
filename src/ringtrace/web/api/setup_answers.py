"""What the API answers about an account: its sites, numbers, flows, recipients and tokens."""

from datetime import datetime
from typing import Any

import msgspec

from ringtrace.web.api.call_answers import SourceAnswer


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
