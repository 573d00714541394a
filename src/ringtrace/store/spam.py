"""What of calls is held against their callers."""

from collections.abc import Iterable
from typing import Final

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.screening import PastCall
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import WatchedCall
from ringtrace.store.rows import Row

MOST_MARKED: Final = 10_000
"""Of one caller at once: whoever waits for the writer waits for these as well."""

NEWEST_FIRST: Final = "ORDER BY c.started_at DESC, c.gateway DESC, c.call_id DESC"

WATCHED_COLUMNS: Final = (
    "c.gateway, c.call_id, c.caller, c.number, c.started_at,"
    " CASE WHEN c.outcome = 'answered' THEN c.talk_seconds END,"
    " c.spam AND coalesce((SELECT s.passage FROM screenings s WHERE s.account_id = c.account_id"
    "  AND s.gateway = c.gateway AND s.call_id = c.call_id), '') IN ('failed', 'left'),"
    " c.spam AND coalesce((SELECT m.spam FROM spam_marks m WHERE m.account_id = c.account_id"
    "  AND m.gateway = c.gateway AND m.call_id = c.call_id ORDER BY m.marked_at DESC LIMIT 1),"
    "  FALSE)"
)
"""Of a call `c`."""


CALLS_FROM: Final = (
    "SELECT count(*), count(DISTINCT c.caller) FROM calls c WHERE c.account_id = {}"
    " AND c.caller >= {} AND c.caller < {} AND c.started_at >= {}"
)


def beginning(digits: str) -> tuple[str, str]:
    """The first number that begins so, and what is behind the last."""
    return digits, f"{digits}{chr(ord('9') + 1)}"


def watched(spam: Iterable[Row], recent: Iterable[Row]) -> list[WatchedCall]:
    """The newest first; from WATCHED_COLUMNS, a call may be among both."""
    known = {(row[0], row[1]): row for found in (spam, recent) for row in found}
    return [
        WatchedCall(
            GatewayKind(gateway),
            call,
            caller,
            PastCall(number, at, talked, bool(kept_silent), bool(marked)),
        )
        for gateway, call, caller, number, at, talked, kept_silent, marked in sorted(
            known.values(), key=lambda row: row[4], reverse=True
        )
    ]


def nothing_to_take_back() -> NotFoundError:
    return NotFoundError("nobody marked this call", "call")
