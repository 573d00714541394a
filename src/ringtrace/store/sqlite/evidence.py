"""What is known of a call to a pool number as of the moment it came."""

import sqlite3

from ringtrace.domain.attribution import WINDOW_MS, Caller, Candidate, EarlierCall
from ringtrace.domain.extension import is_code
from ringtrace.services.call_records import CallerHistory, Evidence
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
from ringtrace.store.sqlite import credits  # noqa: A004 - what a call's shares are called
from ringtrace.store.sqlite.leaving import traffic_since
from ringtrace.store.sqlite.tags import caller_tags


def evidence(
    connection: sqlite3.Connection,
    account_id: int,
    number: str,
    caller: str | None,
    at: int,
    digits: str | None = None,
) -> Evidence:
    """Candidates and the caller's earlier calls; nothing that happened after `at`."""
    candidates = _candidates(connection, account_id, number, at)
    found = Evidence(
        candidates,
        _caller(connection, account_id, number, caller, at, candidates),
        _keyed(connection, account_id, number, digits, at) if digits else None,
    )
    if not _is_complete(connection, account_id, at):
        return Evidence((), Caller(known=None), complete=False)
    return found


def _is_complete(connection: sqlite3.Connection, account_id: int, at: int) -> bool:
    """Whether the visits that a call at `at` could have come from are all here.

    Asked after they were read: before any of them leaves, this is said.
    """
    return at - WINDOW_MS >= traffic_since(connection, account_id)


def _keyed(
    connection: sqlite3.Connection, account_id: int, number: str, digits: str, at: int
) -> Candidate | None:
    """Codes are given out again, the oldest first: it is the newest who was shown this one."""
    if not is_code(digits):
        return None
    row = connection.execute(
        f"SELECT e.shown_at, {rows.CANDIDATE_COLUMNS} FROM exposures e JOIN visits v"
        " ON v.account_id = e.account_id AND v.visit_id = e.visit_id"
        " WHERE e.account_id = ? AND e.number = ? AND e.extension = ?"
        " AND e.shown_at BETWEEN ? AND ? ORDER BY e.shown_at DESC LIMIT 1",
        (account_id, number, digits, at - WINDOW_MS, at),
    ).fetchone()
    return rows.candidate(row[0], row[1:]) if row else None


def _candidates(
    connection: sqlite3.Connection, account_id: int, number: str, at: int
) -> list[Candidate]:
    called = _called(connection, account_id, number, at)
    found = connection.execute(
        f"SELECT {SHOWN_COLUMNS} FROM exposures e JOIN visits v"
        " ON v.account_id = e.account_id AND v.visit_id = e.visit_id"
        " WHERE e.account_id = ? AND e.number = ? AND e.shown_at BETWEEN ? AND ?"
        " ORDER BY e.shown_at DESC LIMIT ?",
        (account_id, number, at - WINDOW_MS, at, MOST_CANDIDATES),
    ).fetchall()
    candidates = [shown(row, called) for row in found]
    return [
        one if one.seen_at <= at else as_of(one, at, _last(connection, account_id, one, at))
        for one in candidates
    ]


def _last(
    connection: sqlite3.Connection, account_id: int, candidate: Candidate, at: int
) -> dict[str, int]:
    """The newest hit of each kind until `at`."""
    return dict(
        connection.execute(
            "SELECT kind, max(at) FROM hits WHERE account_id = ? AND visit_id = ? AND at <= ?"
            " GROUP BY kind",
            (account_id, candidate.visit_id, at),
        ).fetchall()
    )


def _called(
    connection: sqlite3.Connection, account_id: int, number: str, at: int
) -> dict[str, float]:
    """By visit the probability that it has called before."""
    return dict(
        connection.execute(
            "WITH recent AS (SELECT account_id, gateway, call_id FROM calls"
            " WHERE account_id = ? AND number = ? AND started_at >= ? AND started_at < ?"
            " ORDER BY started_at DESC LIMIT ?)"
            " SELECT k.visit_id, sum(k.probability) FROM recent c"
            " CROSS JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
            " AND k.call_id = c.call_id WHERE k.visit_id IS NOT NULL GROUP BY k.visit_id",
            (account_id, number, at - WINDOW_MS, at, MOST_CALLS),
        ).fetchall()
    )


def _caller(
    connection: sqlite3.Connection,
    account_id: int,
    number: str,
    caller: str | None,
    at: int,
    candidates: list[Candidate],
) -> Caller:
    earlier = _earlier(connection, account_id, number, caller, at)
    if caller is None:
        return Caller(known=None, calls=earlier)
    called_us = connection.execute(
        "SELECT 1 FROM calls WHERE account_id = ? AND caller = ? AND started_at >= ?"
        " AND started_at < ? LIMIT 1",
        (account_id, caller, at - WINDOW_MS, at),
    ).fetchone()
    own = _own(connection, account_id, caller, at)
    return caller_of(candidates, own, earlier, known=called_us is not None)


def _earlier(
    connection: sqlite3.Connection, account_id: int, number: str, caller: str | None, at: int
) -> list[EarlierCall]:
    """The newest calls to the number that this one may continue; of all who withhold theirs."""
    found = connection.execute(
        "SELECT gateway, call_id, started_at, basis, model, unknown, repeat FROM calls"
        " WHERE account_id = ? AND number = ? AND started_at >= ? AND started_at < ?"
        " AND caller IS ? ORDER BY started_at DESC LIMIT ?",
        (account_id, number, at - WINDOW_MS, at, caller, MOST_EARLIER),
    ).fetchall()
    return [
        EarlierCall(
            began,
            credits.read(connection, (account_id, gateway, call), (basis, model, unknown, repeat)),
        )
        for gateway, call, began, basis, model, unknown, repeat in reversed(found)
    ]


def _own(connection: sqlite3.Connection, account_id: int, caller: str, at: int) -> dict[str, float]:
    """By visitor the probability that he is this caller."""
    return dict(
        connection.execute(
            "WITH recent AS (SELECT account_id, gateway, call_id FROM calls"
            " WHERE account_id = ? AND caller = ? AND started_at >= ? AND started_at < ?"
            " ORDER BY started_at DESC LIMIT ?)"
            " SELECT v.visitor_id, min(1.0, sum(k.probability)) FROM recent c"
            " CROSS JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
            " AND k.call_id = c.call_id"
            " CROSS JOIN visits v ON v.account_id = k.account_id AND v.visit_id = k.visit_id"
            " GROUP BY v.visitor_id",
            (account_id, caller, at - WINDOW_MS, at, MOST_EARLIER),
        ).fetchall()
    )


def caller_history(
    connection: sqlite3.Connection, account_id: int, caller: str, at: int
) -> CallerHistory:
    """On any number of the account."""
    before = connection.execute(
        "SELECT 1 FROM calls WHERE account_id = ? AND caller = ? AND started_at < ? LIMIT 1",
        (account_id, caller, at),
    ).fetchone()
    if before is None:
        return CallerHistory()
    talked = connection.execute(
        "SELECT report ->> '$.target' FROM calls WHERE account_id = ? AND caller = ?"
        " AND started_at < ? AND outcome = 'answered' ORDER BY started_at DESC LIMIT 1",
        (account_id, caller, at),
    ).fetchone()
    return CallerHistory(
        called_before=True,
        last_target=talked and talked[0],
        tags=caller_tags(connection, account_id, caller, at),
    )
