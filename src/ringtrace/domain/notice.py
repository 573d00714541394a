"""Notices: who is told of what happens to calls, and what becomes of each telling."""

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ringtrace.domain.call import GatewayKind, Outcome
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS
from ringtrace.domain.sending import Failure
from ringtrace.domain.url import UrlInvalidError, read_url

MOST_TRIES: Final = 13
FIRST_PAUSE_MS: Final = 10_000
LONGEST_PAUSE_MS: Final = 12 * HOUR_MS
_DOUBLINGS: Final = 2
_JITTER: Final = 0.2
AUDIO_WAIT_MS: Final = 10 * MINUTE_MS
"""So long the notice of a message waits for its audio."""

STOP_MS: Final = 2 * DAY_MS
SECRET_OVERLAP_MS: Final = 24 * HOUR_MS
"""So long the secret before the newest one signs as well."""

_MAIL: Final = "mail:"
_MAILBOX = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
"""The mailboxes that are in use: a dot-atom at a host (RFC 5321 4.1.2), ASCII alone."""

_MOST_MAILBOX: Final = 254
_MOST_LOCAL: Final = 64


class Event(StrEnum):
    """What a notice tells of. A call has one of the `call.` events for each outcome it comes to.

    Whatever its outcome, that of a call that is spam is `call.spam`.
    """

    ANSWERED = "call.answered"
    MISSED = "call.missed"
    ABANDONED = "call.abandoned"
    BUSY = "call.busy"
    FAILED = "call.failed"
    REJECTED = "call.rejected"
    VOICEMAIL = "call.voicemail"
    SPAM = "call.spam"
    TEST = "test"


CALL_EVENTS: Final = tuple(one for one in Event if one is not Event.TEST)
"""Those that a recipient may subscribe to."""


def event_of(outcome: Outcome, *, is_spam: bool = False) -> Event:
    return Event.SPAM if is_spam else Event(f"call.{outcome}")


class RecipientKind(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


class Standing(StrEnum):
    """Whether a recipient is sent anything.

    `off` by the account; `stopped` by us, because nothing reached him for days: what happens is
    held for him; `unsubscribed` by himself.
    """

    ACTIVE = "active"
    OFF = "off"
    STOPPED = "stopped"
    UNSUBSCRIBED = "unsubscribed"


class AddressInvalidError(ValueError):
    """The text is no recipient; the message says why."""


def read_recipient_address(text: str) -> str:
    """`mail:desk@example.com` or a URL, in the one spelling we keep. Raises AddressInvalidError."""
    if not text.startswith(_MAIL):
        try:
            return read_url(text).text
        except UrlInvalidError as error:
            raise AddressInvalidError(f"mail:NAME@HOST or a URL is needed: {error}") from error
    mailbox = text.removeprefix(_MAIL)
    if not is_mailbox(mailbox):
        raise AddressInvalidError("a mail address like mail:desk@example.com is needed")
    local, _, host = mailbox.rpartition("@")
    return f"{_MAIL}{local}@{host.lower()}"


def kind_of(address: str) -> RecipientKind:
    """Of an address as `read_recipient_address` answers it."""
    return RecipientKind.MAIL if address.startswith(_MAIL) else RecipientKind.WEBHOOK


def is_mailbox(text: str) -> bool:
    """Whether mail can go to, or be from, `text`: `name@host`."""
    local = text.rpartition("@")[0]
    is_short = len(text) <= _MOST_MAILBOX and len(local) <= _MOST_LOCAL
    return is_short and _MAILBOX.fullmatch(text) is not None


def recipient_id(address: str) -> str:
    """The same address of an account is the same recipient."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Secret:
    """What a webhook is signed with, base64; made at `made_at` (ms since 1970 UTC)."""

    key: str
    made_at: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told: a mail address or a webhook, at all `events` of the account's calls.

    Without events he is told only where a flow names him. `secrets` are the newest and the one
    before it; until the first is issued nothing is signed. `failing_since` is when, after the last
    success, a notice first did not reach him.
    """

    account_id: int
    address: str
    events: tuple[Event, ...] = ()
    standing: Standing = Standing.ACTIVE
    secrets: tuple[Secret, ...] = ()
    failing_since: int | None = None

    @property
    def recipient_id(self) -> str:
        return recipient_id(self.address)

    @property
    def kind(self) -> RecipientKind:
        return kind_of(self.address)

    @property
    def mailbox(self) -> str:
        """Of a mail recipient."""
        return self.address.removeprefix(_MAIL)

    def signing(self, at: int) -> tuple[Secret, ...]:
        """The secrets to sign with: the newest, and for a day the one before."""
        newest = self.secrets[:1]
        old = self.secrets[1:2] if newest and at - newest[0].made_at < SECRET_OVERLAP_MS else ()
        return newest + old

    def with_secret(self, secret: Secret) -> "Recipient":
        return replace(self, secrets=(secret, *self.secrets[:1]))


class DeliveryState(StrEnum):
    """What is left to do for a delivery.

    `waiting` for the audio of the call; `pending` until a try succeeds; `held` for a recipient who
    is not active; `dead` when we gave up.
    """

    WAITING = "waiting"
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    HELD = "held"


UNFINISHED: Final = (DeliveryState.WAITING, DeliveryState.PENDING)


@dataclass(frozen=True, slots=True)
class Try:
    """One try to deliver, begun at `at` (ms since 1970 UTC) and over after `seconds`.

    `code` is what HTTP or SMTP answered; without a `failure` it succeeded.
    """

    at: int
    seconds: float
    code: int | None = None
    failure: Failure | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice for one recipient; times are ms since 1970 UTC.

    `gateway` and `call` name the call it is about, None for a test. It says nothing itself of the
    caller: what it tells is read from the call when it is sent. `tries` are the latest, `count` is
    how many there were since it was last sent on its way.
    """

    account_id: int
    delivery_id: str
    recipient_id: str
    event: Event
    occurred_at: int
    state: DeliveryState
    next_try_at: int | None
    gateway: GatewayKind | None = None
    call: str | None = None
    count: int = 0
    tries: tuple[Try, ...] = ()


_KEPT_TRIES: Final = 20


def tried(delivery: Delivery, one: Try, chance: float, retry_after: float = 0.0) -> Delivery:
    """What becomes of a delivery with a try of it.

    After a failure the pause is four times the one before, from 10 s to 12 h, less or more by up
    to a fifth as `chance` (0 to 1) decides, so that what failed together is not tried together;
    never less than the `retry_after` seconds that the recipient asked for, up to 12 h.
    """
    count = delivery.count + 1
    tries = (*delivery.tries, one)[-_KEPT_TRIES:]
    after = replace(delivery, count=count, tries=tries, next_try_at=None)
    if one.failure is None:
        return replace(after, state=DeliveryState.DELIVERED)
    if one.failure.is_final or count >= MOST_TRIES:
        return replace(after, state=DeliveryState.DEAD)
    ended = one.at + round(one.seconds * 1_000)
    wanted = round(min(retry_after * 1_000, LONGEST_PAUSE_MS))
    next_try_at = ended + max(pause(count, chance), wanted)
    return replace(after, state=DeliveryState.PENDING, next_try_at=next_try_at)


def pause(count: int, chance: float) -> int:
    """Ms after the `count`th try has failed; `chance` is 0 to 1."""
    usual = min(FIRST_PAUSE_MS << _DOUBLINGS * (count - 1), LONGEST_PAUSE_MS)
    return round(usual * (1 + _JITTER * (2 * chance - 1)))


def failing(since: int | None, one: Try) -> int | None:
    """Since when nothing reaches the recipient, after a try; None: it does."""
    if one.failure is None:
        return None
    if one.failure is Failure.CALL_FORGOTTEN:
        return since
    return one.at if since is None else since


def gives_up(delivery: Delivery, failing_since: int | None) -> bool:
    """Whether the recipient is stopped with this delivery, as it is after its last try.

    He said that he is gone; or the delivery was given up and for two days nothing else got
    through to him either.
    """
    if delivery.state is not DeliveryState.DEAD:
        return False
    last = delivery.tries[-1]
    if last.failure is Failure.GONE:
        return True
    return failing_since is not None and last.at - failing_since >= STOP_MS


def again(delivery: Delivery, at: int) -> Delivery:
    """Sent on its way anew, with all its tries before it; the id stays."""
    return replace(delivery, state=DeliveryState.PENDING, next_try_at=at, count=0)
