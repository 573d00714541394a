"""What is known of a call to a pool number as of the moment it came, in two statements."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringtrace.domain.attribution import WINDOW_MS, Caller, Candidate, EarlierCall
from ringtrace.domain.extension import is_code
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallerHistory, Evidence
from ringtrace.store import credits as shares
from ringtrace.store import rows
from ringtrace.store.evidence import (
    MOST_CALLS,
    MOST_CANDIDATES,
    MOST_EARLIER,
    SHOWN_COLUMNS,
    as_of,
    caller_of,
    shown,
)
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.credits import KEPT
from ringtrace.store.postgres.rowset import listed
from ringtrace.store.postgres.tags import CALLER_TAGS
from ringtrace.store.rows import Row

_HAPPENED = listed(
    "h.kind, max(h.at)",
    "FROM hits h WHERE h.account_id = $1 AND h.visit_id = v.visit_id AND h.at <= $4"
    " GROUP BY h.kind",
)
_CANDIDATES = (
    f"SELECT {SHOWN_COLUMNS},"
    # Only of visits that went on after the call.
    f" CASE WHEN v.seen_at > $4 THEN {_HAPPENED} END"
    " FROM (SELECT x.shown_at, x.visit_id FROM exposures x WHERE x.account_id = $1"
    "  AND x.number = $2 AND x.shown_at BETWEEN $3 AND $4"
    f"  ORDER BY x.shown_at DESC, x.visit_id DESC LIMIT {MOST_CANDIDATES}) e"
    " JOIN visits v ON v.account_id = $1 AND v.visit_id = e.visit_id"
    " ORDER BY e.shown_at DESC, v.visit_id DESC"
)

_NEWEST_FIRST = "ORDER BY c.started_at DESC, c.gateway DESC, c.call_id DESC"

_EXPECTED = "(sum((k.probability * 1e15)::bigint) / 1e15)::float8"
"""Of calls. Whole numbers add up to the same in any order, so that nothing need be sorted."""

# Joined to the candidates here, not there: a planner that expects few of both compares all of both.
_CALLED = listed(
    f"k.visit_id, {_EXPECTED}",
    "FROM (SELECT c.gateway, c.call_id FROM calls c WHERE c.account_id = $1 AND c.number = $2"
    f"  AND c.started_at >= $3 AND c.started_at < $4 {_NEWEST_FIRST} LIMIT {MOST_CALLS}) r"
    " JOIN credits k ON k.account_id = $1 AND k.gateway = r.gateway AND k.call_id = r.call_id"
    " WHERE k.visit_id IS NOT NULL GROUP BY k.visit_id",
)
"""By visit the calls expected of it so far."""

_EARLIER = listed(
    f"c.started_at, c.basis, c.model, c.unknown, c.repeat, {KEPT}",
    "FROM calls c WHERE c.account_id = $1 AND c.number = $2"
    " AND c.started_at >= $3 AND c.started_at < $4 AND c.caller IS NOT DISTINCT FROM $5"
    f" {_NEWEST_FIRST} LIMIT {MOST_EARLIER}",
)
"""The newest calls to the number that this one may continue; of all who withhold theirs."""

_CALLED_US = (
    "EXISTS (SELECT 1 FROM calls c WHERE c.account_id = $1 AND c.caller = $5"
    " AND c.started_at >= $3 AND c.started_at < $4)"
)

_OWN = listed(
    f"v.visitor_id, least(1, {_EXPECTED})",
    "FROM (SELECT c.gateway, c.call_id FROM calls c WHERE c.account_id = $1 AND c.caller = $5"
    f"  AND c.started_at >= $3 AND c.started_at < $4 {_NEWEST_FIRST} LIMIT {MOST_EARLIER}) r"
    " JOIN credits k ON k.account_id = $1 AND k.gateway = r.gateway AND k.call_id = r.call_id"
    " JOIN visits v ON v.account_id = $1 AND v.visit_id = k.visit_id GROUP BY v.visitor_id",
)
"""By visitor the probability that he is this caller."""

_KEYED = listed(
    f"e.shown_at, {rows.CANDIDATE_COLUMNS}",
    "FROM exposures e JOIN visits v ON v.account_id = $1 AND v.visit_id = e.visit_id"
    " WHERE e.account_id = $1 AND e.number = $2 AND e.extension = $6"
    " AND e.extension IS NOT NULL AND e.shown_at BETWEEN $3 AND $4"
    " ORDER BY e.shown_at DESC, e.visit_id DESC LIMIT 1",
)
"""Codes are given out again, the oldest first: it is the newest who was shown this one."""

_COMPLETE = (
    f"coalesce((SELECT s.day * {DAY_MS} <= $3 FROM traffic_since s WHERE s.account_id = $1), true)"
)
"""Whether the visits that the call could have come from are all here.

Asked after they were read: before any of them leaves, this is said.
"""

_CALLER = f"SELECT {_CALLED}, {_EARLIER}, {_CALLED_US}, {_OWN}, {_KEYED}, {_COMPLETE}"

_HISTORY = (
    "SELECT EXISTS (SELECT 1 FROM calls c WHERE c.account_id = $1 AND c.caller = $2"
    " AND c.started_at < $3),"
    " (SELECT c.report FROM calls c WHERE c.account_id = $1 AND c.caller = $2"
    "  AND c.started_at < $3 AND c.outcome = 'answered'"
    f"  {_NEWEST_FIRST} LIMIT 1), {CALLER_TAGS}"
)


_moments = msgspec.json.Decoder(list[tuple[str, int]]).decode
_shares = msgspec.json.Decoder(list[tuple[str, float]]).decode
_earlier = msgspec.json.Decoder(list[tuple[int, str, str, float, float, list[shares.Kept]]]).decode
_keyed = msgspec.json.Decoder(list[list[Any]]).decode


async def evidence(
    connection: Connection,
    account_id: int,
    number: str,
    caller: str | None,
    at: int,
    digits: str | None = None,
) -> Evidence:
    """Candidates and the caller's earlier calls; nothing that happened after `at`."""
    asked = (account_id, number, at - WINDOW_MS, at)
    exposed = await connection.fetch(_CANDIDATES, *asked)
    code = digits if digits and is_code(digits) else None
    ((said, earlier, known, own, keyed, complete),) = await connection.fetch(
        _CALLER, *asked, caller, code
    )
    if not complete:
        return Evidence((), Caller(known=None), complete=False)
    called = dict(_shares(said))
    candidates = [_stood(row, called, at) for row in exposed]
    calls = [
        EarlierCall(began, shares.attribution((basis, model, unknown, repeat), kept))
        for began, basis, model, unknown, repeat, kept in reversed(_earlier(earlier))
    ]
    return Evidence(
        candidates,
        Caller(known=None, calls=calls)
        if caller is None
        else caller_of(candidates, dict(_shares(own)), calls, known=known),
        next((rows.candidate(at, tuple(row)) for at, *row in _keyed(keyed)), None),
    )


def _stood(row: Row, called: Mapping[str, float], at: int) -> Candidate:
    """From _CANDIDATES: as the visit stood at that time."""
    *exposed, happened = row
    candidate = shown(exposed, called)
    return candidate if happened is None else as_of(candidate, at, dict(_moments(happened)))


async def caller_history(
    connection: Connection, account_id: int, caller: str, at: int
) -> CallerHistory:
    """On any number of the account."""
    ((before, talked, tags),) = await connection.fetch(_HISTORY, account_id, caller, at)
    return CallerHistory(
        called_before=before,
        last_target=rows.report(talked).target if talked else None,
        tags=tuple(tags),
    )
