"""How facts are said to people: one table for each closed list, one way for each quantity."""

import math
from datetime import datetime, tzinfo

from ringtrace.domain.account import TokenKind
from ringtrace.domain.attribution import Basis
from ringtrace.domain.blocklist import Treatment
from ringtrace.domain.call import GatewayKind, Outcome, PlanSource, Reason
from ringtrace.domain.notice import DeliveryState, Event, Standing
from ringtrace.domain.proof import ProofKind
from ringtrace.domain.screening import Passage, Rule
from ringtrace.domain.sending import Failure
from ringtrace.services.spam_records import Spam
from ringtrace.web.times import utc

UNKNOWN = "Unknown"
MOSTLY_UNKNOWN = "Mostly unknown"
WITHHELD = "Withheld number"

OUTCOMES = {
    Outcome.ANSWERED: "Answered",
    Outcome.MISSED: "Missed",
    Outcome.ABANDONED: "Caller gave up",
    Outcome.BUSY: "Busy",
    Outcome.FAILED: "Failed",
    Outcome.REJECTED: "Declined",
    Outcome.VOICEMAIL: "Voicemail",
}

TONES = {
    Outcome.ANSWERED: "good",
    Outcome.MISSED: "warn",
    Outcome.ABANDONED: "quiet",
    Outcome.BUSY: "warn",
    Outcome.FAILED: "bad",
    Outcome.REJECTED: "warn",
    Outcome.VOICEMAIL: "info",
}

REASONS = {
    Reason.NUMBER_UNKNOWN: "The dialled number is not set up",
    Reason.CALLER_DISCONNECTS: "Hung up before anybody answered",
    Reason.OPERATOR_BUSY: "The line was engaged",
    Reason.OPERATOR_NOT_RESPONSIVE: "Nobody picked up",
    Reason.OPERATOR_DISCONNECTS: "The call was declined",
    Reason.OPERATOR_NUMBER_PROBLEMS: "The target number does not work",
    Reason.OPERATOR_CHANNELS_BUSY: "No free line to the target",
    Reason.NOT_ENOUGH_MONEY: "The telephony account is out of credit",
    Reason.LIMIT_EXCEEDED: "The provider refused: a limit was reached",
    Reason.NO_OPERATOR_CONFIRMATION: "Picked up, but did not accept the call",
    Reason.ANSWERED_ELSEWHERE: "Somebody else was faster",
    Reason.NO_ACTIVE_FLOW: "Nothing was set up to happen at that time",
    Reason.BLACKLISTED: "The caller is on the blocklist",
    Reason.SPAM_LIST: "Suspected of being a robot, and pressed no key",
    Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS: "Too many calls from one caller; pressed no key",
    Reason.GATEWAY_FAILURE: "The gateway broke down during the call",
    Reason.NEVER_REPORTED: "The gateway never said how the call ended",
    Reason.INTERNAL_ERROR: "A technical fault at the gateway or the provider",
}

RULES = {
    Rule.BLOCKED: "Blocked numbers",
    Rule.KNOWN_ROBOT: "Known robots",
    Rule.SILENT: "Silent callers",
    Rule.TOO_MANY_CALLS: "Too many calls",
    Rule.MANY_NUMBERS: "Calls to many numbers",
}

PASSAGES = {
    Passage.STOPPED: "rejected",
    Passage.PASSED: "passed",
    Passage.FAILED: "failed",
    Passage.LEFT: "hung up instead",
}

SPAM = {
    Spam.WITH: "With spam",
    Spam.WITHOUT: "Without spam",
    Spam.ONLY: "Spam only",
}

TREATMENTS = {
    Treatment.BLOCK: ("Blocked", "bad"),
    Treatment.ASK: ("Has to press a key", "warn"),
    Treatment.TRUST: ("Never asked", "good"),
}

PLAN_SOURCES = {
    PlanSource.BACKEND: "Ringtrace, live",
    PlanSource.CACHE: "The gateway's copy, while Ringtrace was out of reach",
    PlanSource.FALLBACK: "The gateway's own fallback, while Ringtrace was out of reach",
}

GATEWAYS = {GatewayKind.VOXIMPLANT: "Voximplant", GatewayKind.SIP: "Own SIP node"}

BASES = {
    Basis.STATIC_NUMBER: "The caller dialled a number that stands for one source.",
    Basis.EXPOSURES: "These visits were shown the number before the call.",
    Basis.EXTENSION: "The caller keyed the extension that only this visit was shown.",
    Basis.NOTHING: "Nobody is known to have been shown this number before the call.",
    Basis.CORRECTED: "Somebody said whose call this was.",
}

DEVICES = {"mobile": "Phone or tablet", "desktop": "Computer"}

HITS = {
    "page": "Opened a page",
    "beat": "Still on the page",
    "leave": "Left",
    "contact": "Looked at the contact details",
    "tap": "Tapped the number",
}

PROOFS = {
    ProofKind.CORRECTION: ("Corrections", "Somebody said on the page of a call whose call it was."),
    ProofKind.EXTENSION: ("Extensions", "The caller keyed the code that one visit was shown."),
    ProofKind.TAP: (
        "Taps",
        "One visitor alone tapped the number right before the call.",
    ),
}

TOKENS = {
    TokenKind.VOXIMPLANT: ("Voximplant", "For the scenario in your Voximplant application."),
    TokenKind.SIP: ("Own SIP node", "For the SIP node that comes with Ringtrace."),
    TokenKind.ROUTE: ("Simple route", "For scenarios that use the two plain paths under /api."),
    TokenKind.API: ("REST API", "For programs that read calls and change the set-up."),
}

EVENTS = {
    Event.ANSWERED: "Answered call",
    Event.MISSED: "Missed call",
    Event.ABANDONED: "Caller gave up",
    Event.BUSY: "Busy",
    Event.FAILED: "Failed call",
    Event.REJECTED: "Declined call",
    Event.VOICEMAIL: "Voicemail",
    Event.SPAM: "Spam that was turned away",
    Event.TEST: "Test",
}

STANDINGS = {
    Standing.ACTIVE: ("Active", "good"),
    Standing.OFF: ("Switched off", "quiet"),
    Standing.STOPPED: ("Stopped: nothing got through", "bad"),
    Standing.UNSUBSCRIBED: ("Has unsubscribed", "quiet"),
}

DELIVERIES = {
    DeliveryState.WAITING: ("Waits for the audio", "info"),
    DeliveryState.PENDING: ("On its way", "info"),
    DeliveryState.DELIVERED: ("Delivered", "good"),
    DeliveryState.DEAD: ("Given up", "bad"),
    DeliveryState.HELD: ("Held", "warn"),
}

FAILURES = {
    Failure.URL_INVALID: "The address is none that can be asked",
    Failure.NAME_UNKNOWN: "The name of the host is not known",
    Failure.ADDRESS_REFUSED: "The host is not public: this server does not go there",
    Failure.NOT_CONNECTED: "The host takes no connection",
    Failure.TLS_FAILED: "No safe connection: the certificate, or TLS itself",
    Failure.BROKEN_OFF: "The connection broke off",
    Failure.TIMED_OUT: "No answer in time",
    Failure.TOO_MANY_REDIRECTS: "Redirected once too often",
    Failure.STATUS: "It answered that it did not work",
    Failure.GONE: "It answered that it is gone for good",
    Failure.MAIL_NOT_CONFIGURED: "This server sends no mail yet",
    Failure.MAIL_SIGN_IN: "The mail server refused the sign-in",
    Failure.MAIL_DEFERRED: "The mail server said: later",
    Failure.MAIL_REFUSED: "The mail server refused it for good",
    Failure.CALL_FORGOTTEN: "The call has been forgotten since",
    Failure.INTERNAL: "An error on our side; the server's log says which",
}

THE_API = "a program"
NONE = "–"  # noqa: RUF001 - the dash of an empty cell
_NEARLY_ALL = 0.995
_HARDLY_ANY = 0.005
_HUNDREDTH = 0.01


def percent(share: float) -> str:
    """A probability or share; neither certainty nor impossibility by rounding."""
    if _NEARLY_ALL <= share < 1:
        return "> 99 %"
    if 0 < share < _HARDLY_ANY:
        return "< 1 %"
    return f"{share * 100:.0f} %"


def rate(part: float, whole: float) -> str:
    """A share with one decimal; none of nothing."""
    return f"{part / whole * 100:.1f} %" if whole > 0 else NONE


def points(share: float) -> str:
    """A difference of probabilities, in percentage points."""
    return f"{share * 100:.1f} points"


def times(factor: float) -> str:
    """What something is multiplied with."""
    sign = "×"  # noqa: RUF001 - the sign of multiplication
    return f"{sign} < 0.01" if 0 < factor < _HUNDREDTH else f"{sign} {factor:.2f}"


def once_in(rate: float) -> str:
    """Calls per second, as the time in which one is expected."""
    return f"one call in {ago(round(1_000 / rate))}" if rate > 0 else "no call"


def expected(count: float) -> str:
    """A sum of probabilities: one decimal where it is not whole."""
    rounded = round(count, 1)
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def between(low: float, high: float) -> tuple[str, str] | None:
    """The first and the last whole count of an interval; None where there is no doubt.

    An interval that holds but one is said by its neighbours.
    """
    if high - low < _HUNDREDTH:
        return None
    first, last = math.ceil(low - _HUNDREDTH), math.floor(high + _HUNDREDTH)
    if first >= last:
        first, last = math.floor(low), math.ceil(high)
    return f"{first:,}", f"{last:,}"


def length(seconds: float | None) -> str:
    """0:07, 12:40, 1:02:03."""
    if seconds is None:
        return NONE
    whole = round(seconds)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def exact_length(seconds: float) -> str:
    """As `length`, with the fraction to the ms where there is one: 0:41.25."""
    whole, ms = divmod(round(seconds * 1_000), 1_000)
    return length(whole) + (f".{ms:03}".rstrip("0") if ms else "")


def long_length(seconds: float) -> str:
    """A total: 45 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.0f} s"
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute:02} min" if hours else f"{minutes} min"


def moment(at: int, zone: tzinfo) -> datetime:
    """`at` is ms since 1970 UTC."""
    return utc(at).astimezone(zone)


def ago(ms: int) -> str:
    """A length before something, coarse: 40 seconds, 5 minutes, 3 hours, 2 days."""
    seconds = ms // 1_000
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "a moment"
