"""What the store knows of accounts: their set-up, and what was learnt of their sites."""

from dataclasses import dataclass

from ringtrace.domain.account import Account, TokenKind, TokenOwner
from ringtrace.domain.blocklist import Listing
from ringtrace.domain.flow import Flow
from ringtrace.domain.model import Model
from ringtrace.domain.notice import Recipient
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.screening import SpamRules
from ringtrace.domain.site import Site


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a hit or a call is decided with; small enough to stay in memory.

    `extensions_shown` are the pool numbers with the moment (ms since 1970 UTC) when an extension
    of theirs was shown last. `listings` and `spam_rules` are told with their account.
    """

    accounts: tuple[Account, ...]
    sites: tuple[Site, ...]
    numbers: tuple[TrackingNumber, ...]
    tokens: tuple[tuple[str, TokenOwner], ...]
    models: tuple["SiteModel", ...] = ()
    extensions_shown: tuple[tuple[str, int], ...] = ()
    flows: tuple["KeptFlow", ...] = ()
    recipients: tuple[Recipient, ...] = ()
    listings: tuple[tuple[int, Listing], ...] = ()
    spam_rules: tuple[tuple[int, SpamRules], ...] = ()
    sounds: tuple["KeptSound", ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSound:
    """A sound that flows can play; `digest` (SHA-256, hex) stands for its content.

    `made_at` is ms since 1970 UTC, `made_by` a login, None through the API.
    """

    account_id: int
    name: str
    digest: str
    seconds: float
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """The newest version of one of an account's flows, made at `made_at` (ms since 1970 UTC)."""

    account_id: int
    name: str
    version: int
    flow: Flow
    made_at: int


@dataclass(frozen=True, slots=True)
class SiteModel:
    """The newest model that was learnt of a site's callers, at `made_at` (ms since 1970 UTC)."""

    account_id: int
    site_key: str
    model: Model
    made_at: int


@dataclass(frozen=True, slots=True)
class ValidToken:
    """That a token exists, not which; `issued_at` is ms since 1970 UTC."""

    kind: TokenKind
    issued_at: int
