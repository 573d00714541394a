"""Why something could not be sent to a machine outside, and whether it is worth another try."""

from enum import StrEnum
from typing import Final


class Failure(StrEnum):
    """Closed; stored beside each try and shown to whoever looks why nothing arrived."""

    URL_INVALID = "url_invalid"
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_REFUSED = "address_refused"
    NOT_CONNECTED = "not_connected"
    TLS_FAILED = "tls_failed"
    BROKEN_OFF = "broken_off"
    TIMED_OUT = "timed_out"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    STATUS = "status"
    GONE = "gone"
    MAIL_NOT_CONFIGURED = "mail_not_configured"
    MAIL_SIGN_IN = "mail_sign_in"
    MAIL_DEFERRED = "mail_deferred"
    MAIL_REFUSED = "mail_refused"
    CALL_FORGOTTEN = "call_forgotten"
    INTERNAL = "internal"

    @property
    def is_final(self) -> bool:
        """The same again would fail the same."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {
        Failure.URL_INVALID,
        Failure.GONE,
        Failure.MAIL_NOT_CONFIGURED,
        Failure.MAIL_REFUSED,
        Failure.CALL_FORGOTTEN,
    }
)
