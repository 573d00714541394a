"""What is written to the store. A command is durable when its future resolves."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ringtrace.domain.account import Account, TokenKind
from ringtrace.domain.attribution import Attribution
from ringtrace.domain.audio import Audio
from ringtrace.domain.blocklist import Listing
from ringtrace.domain.call import GatewayKind, MergeResult, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.model import Model
from ringtrace.domain.notice import Delivery, Recipient, Secret, Standing, Try
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.proof import Proof
from ringtrace.domain.screening import Finding, SpamRules
from ringtrace.domain.site import Site
from ringtrace.domain.visit import HitKind, Visit

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Command(Generic[R]):
    """Of one account; `R` is what the writer answers."""

    account_id: int


@dataclass(frozen=True, slots=True)
class NumberShown:
    """What a visit is shown; an `extension` stands beside the number where a mix-up is probable."""

    number: str
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class ShowNumber(Command[NumberShown | None]):
    """A page view: keep the visit, lease it a number; answers None without a pool.

    `path` is host and path of the page, `at` ms since 1970 UTC.
    """

    visit: Visit
    path: str
    at: int


@dataclass(frozen=True, slots=True)
class NoteHit(Command[None]):
    """A sign of life, a leave, a contact-page view or a tap; an unknown visit has none."""

    site_key: str
    visit_id: str
    kind: HitKind
    at: int


@dataclass(frozen=True, slots=True)
class NoteArrival(Command[None]):
    """A call is ringing, or its caller keyed `digits`. A report that came first is left as is.

    `finding` is what a rule acted on.
    """

    gateway: GatewayKind
    call: str
    number: str
    caller: str | None
    started_at: int
    attribution: Attribution
    digits: str | None = None
    flow: str | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class KeepReport(Command[MergeResult]):
    """A report with the attribution as of the call's start; contradicting ones are kept aside.

    `proof` says whose call it was for sure, where anything does. `finding` is what a rule acted
    on, should the arrival not have told; a caller who passed the gate is trusted from now on.
    `notices` are put on their way in the same transaction when the call comes to its outcome with
    this report, else not at all.
    """

    gateway: GatewayKind
    call: str
    report: Report
    attribution: Attribution
    received_at: int
    proof: Proof | None = None
    notices: tuple[Delivery, ...] = ()
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class KeepCorrection(Command[None]):
    """A user says that `visit_id` called, None: none of the visits; that is a proof, too.

    `made_by` is his login, None through the API. Raises NotFoundError and FieldInvalidError.
    """

    gateway: GatewayKind
    call: str
    visit_id: str | None
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class TakeBackCorrection(Command[None]):
    """The call gets the engine's own `attribution` again. Raises NotFoundError without one."""

    gateway: GatewayKind
    call: str
    attribution: Attribution


@dataclass(frozen=True, slots=True)
class KeepAttribution(Command[bool]):
    """A call is attributed anew; False when it is not the call it was, or somebody corrected it.

    `number`, `caller` and `started_at` are those the attribution was made for.
    """

    gateway: GatewayKind
    call: str
    number: str
    caller: str | None
    started_at: int
    attribution: Attribution


@dataclass(frozen=True, slots=True)
class AddTag(Command[None]):
    """A user tags a call; `made_by` is his login, None through the API.

    Raises NotFoundError, and FieldInvalidError when the call has too many.
    """

    gateway: GatewayKind
    call: str
    tag: str
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class RemoveTag(Command[None]):
    """Raises NotFoundError (call, tag)."""

    gateway: GatewayKind
    call: str
    tag: str


@dataclass(frozen=True, slots=True)
class NoteRecording(Command[bool]):
    """The gateway's audio file is where recordings are kept; False when the call is unknown.

    Notices that wait for it are due with it.
    """

    gateway: GatewayKind
    call: str
    audio: Audio


@dataclass(frozen=True, slots=True)
class KeepSound(Command[None]):
    """Add a sound or replace the one of that name; `content` is a WAV file, `digest` its SHA-256.

    `made_at` is ms since 1970 UTC, `made_by` a login, None through the API.
    """

    name: str
    digest: str
    seconds: float
    content: bytes
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class DropSound(Command[None]):
    """Raises NotFoundError."""

    name: str


@dataclass(frozen=True, slots=True)
class OpenAccount(Command[int]):
    """The writer gives out the id (`account_id` is 0 here). Raises FieldInvalidError: `login`."""

    name: str
    region: str
    login: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class ApplySetup(Command[None]):
    """Add or change sites and numbers at `at` (ms since 1970 UTC); the rest stays.

    `made_by` is the user's login, None through the API. Of a recipient who is known his secrets
    and his failures stay. Raises NumberTakenError.
    """

    account: Account
    sites: tuple[Site, ...]
    numbers: tuple[TrackingNumber, ...]
    at: int
    flows: tuple[Flow, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    spam_rules: SpamRules | None = None
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class ListCallers(Command[None]):
    """Treat callers so from now on; a pattern that is listed otherwise is taken off first."""

    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class UnlistCaller(Command[None]):
    """Take a pattern off the list at `removed_at`. Raises NotFoundError."""

    pattern: str
    removed_at: int
    removed_by: str | None


@dataclass(frozen=True, slots=True)
class MarkSpam(Command[None]):
    """A user says at `marked_at` that a call, or `every` one of its caller, is `spam` or is not.

    `every` means the newest 10 000. `spam` None takes that back. Raises NotFoundError without such
    a call, or without a mark.
    """

    gateway: GatewayKind
    call: str
    spam: bool | None
    every: bool
    marked_at: int
    marked_by: str | None


@dataclass(frozen=True, slots=True)
class KeepModel(Command[None]):
    """What was learnt of a site's callers, made at `made_at`; the pool is divided anew by it."""

    site_key: str
    model: Model
    made_at: int


@dataclass(frozen=True, slots=True)
class AddToken(Command[None]):
    """A new token of a kind; of the older ones only the newest stays valid beside it."""

    kind: TokenKind
    token_hash: str
    created_at: int


@dataclass(frozen=True, slots=True)
class KeepSecret(Command[None]):
    """A webhook is signed with `secret` from now on. Raises NotFoundError."""

    recipient_id: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class SetStanding(Command[None]):
    """What is on its way to a recipient who is no longer active is held, and let go when he is.

    `at` is ms since 1970 UTC. Raises NotFoundError.
    """

    recipient_id: str
    standing: Standing
    at: int


@dataclass(frozen=True, slots=True)
class AddDelivery(Command[None]):
    """A notice of no call: somebody wants to see whether it arrives."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class BeginTry(Command[Delivery | None]):
    """Take what is due by `at`: nobody else tries it `until` then, or until the try is kept.

    Both are ms since 1970 UTC. Answers the delivery as it stands; None when it is not due any
    more, or another has taken it.
    """

    delivery_id: str
    at: int
    until: int


@dataclass(frozen=True, slots=True)
class KeepTry(Command[bool]):
    """`delivery` as it is after `one` try of it; answers whether its recipient is stopped by it.

    Raises NotFoundError.
    """

    delivery: Delivery
    one: Try


@dataclass(frozen=True, slots=True)
class SendAgain(Command[int]):
    """Finished deliveries of active recipients are on their way anew; answers how many."""

    delivery_ids: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class DropDeliveries(Command[int]):
    """Finished and held deliveries of what happened before `before` are forgotten."""

    before: int
