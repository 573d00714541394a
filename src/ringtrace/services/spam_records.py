"""What the store tells of spam: who is listed, what a rule did to a call, what users say of it."""

from dataclasses import dataclass
from enum import StrEnum

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.screening import Passage, PastCall, Rule


class Spam(StrEnum):
    """Which calls are wanted: all, those that are no spam, or spam alone."""

    WITH = "with"
    WITHOUT = "without"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Screening:
    """The rule that acted on a call, why, and what came of it (None: not known, or ringing).

    Where a list said so, `pattern` is whom it meant; `listed_at` (ms since 1970 UTC) and
    `listed_by` (a login, None through the API) say who put it there.
    """

    rule: Rule
    evidence: str
    pattern: str | None
    listed_at: int | None
    listed_by: str | None
    passage: Passage | None


@dataclass(frozen=True, slots=True)
class SpamMark:
    """A user said at `marked_at` (ms since 1970 UTC) whether a call is spam.

    `marked_by` is his login, None through the API.
    """

    spam: bool
    marked_at: int
    marked_by: str | None


@dataclass(frozen=True, slots=True)
class ListingRecord:
    """A listing, in effect until `removed_at`; `calls` are those it acted on since it was added."""

    listing: Listing
    calls: int
    removed_at: int | None = None
    removed_by: str | None = None


@dataclass(frozen=True, slots=True)
class ListingPage:
    """Newest first; `total` counts all that match."""

    listings: tuple[ListingRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """Those in effect, or the `removed` ones; of one treatment or of all.

    `pattern` is one that holds this text.
    """

    treatment: Treatment | None = None
    removed: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class CallsFrom:
    """Calls of those whose numbers begin alike, and how many callers that were."""

    calls: int
    callers: int


@dataclass(frozen=True, slots=True)
class WatchedCall:
    """A call as far as it may be held against its caller."""

    gateway: GatewayKind
    call: str
    caller: str
    past: PastCall
