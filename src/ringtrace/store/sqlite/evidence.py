"""What is known of a call to a pool number as of the moment it came."""

import sqlite3
from collections import defaultdict
from dataclasses import replace

from ringtrace.domain.attribution import WINDOW_MS, Caller, Candidate, EarlierCall
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.ports import Evidence
from ringtrace.store.sqlite import credits, rows  # noqa: A004 - what a call's shares are called

MOST_CANDIDATES = 10_000
"""The newest exposures; in a pool this starved the older ones tell nobody apart."""


def evidence(
    connection: sqlite3.Connection, account_id: int, number: str, caller: str | None, at: int
) -> Evidence:
    """Candidates and the caller's earlier calls; nothing that happened after `at`."""
    called = _called(connection, account_id, number, at)
    candidates = [
        replace(one, called=min(1.0, called.get(one.visit_id, 0.0)))
        for one in _candidates(connection, account_id, number, at)
    ]
    return Evidence(candidates, _caller(connection, account_id, number, caller, at, candidates))


def _candidates(
    connection: sqlite3.Connection, account_id: int, number: str, at: int
) -> list[Candidate]:
    found = connection.execute(
        f"SELECT e.shown_at, v.visitor_id, v.device, v.contact_at, {rows.CANDIDATE_COLUMNS}"
        " FROM exposures e JOIN visits v ON v.account_id = e.account_id"
        " AND v.visit_id = e.visit_id"
        " WHERE e.account_id = ? AND e.number = ? AND e.shown_at BETWEEN ? AND ?"
        " ORDER BY e.shown_at DESC LIMIT ?",
        (account_id, number, at - WINDOW_MS, at, MOST_CANDIDATES),
    ).fetchall()
    candidates = [
        replace(
            rows.candidate(shown_at, tuple(rest)),
            visitor_id=visitor_id,
            device=Device(device),
            contact_at=contact_at,
        )
        for shown_at, visitor_id, device, contact_at, *rest in found
    ]
    return [
        one if one.seen_at <= at else _as_of(connection, account_id, one, at) for one in candidates
    ]


def _as_of(
    connection: sqlite3.Connection, account_id: int, candidate: Candidate, at: int
) -> Candidate:
    """A visit that went on after `at`, as it stood then: on page unless its last word was leave."""
    happened = connection.execute(
        "SELECT kind, max(at) FROM hits WHERE account_id = ? AND visit_id = ? AND at <= ?"
        " GROUP BY kind",
        (account_id, candidate.visit_id, at),
    )
    last: dict[str, int] = dict(happened)
    left_at = last.pop(HitKind.LEAVE, None)
    if left_at is not None and left_at <= max(last.values(), default=candidate.shown_at):
        left_at = None
    return replace(
        candidate,
        seen_at=at if left_at is None else left_at,
        left_at=left_at,
        contact_at=last.get(HitKind.CONTACT),
        tapped_at=last.get(HitKind.TAP),
    )


def _called(
    connection: sqlite3.Connection, account_id: int, number: str, at: int
) -> dict[str, float]:
    """By visit the probability that it has called before."""
    return dict(
        connection.execute(
            "SELECT k.visit_id, sum(k.probability) FROM calls c"
            " JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
            " AND k.call_id = c.call_id"
            " WHERE c.account_id = ? AND c.number = ? AND c.started_at >= ? AND c.started_at < ?"
            " AND k.visit_id IS NOT NULL GROUP BY k.visit_id",
            (account_id, number, at - WINDOW_MS, at),
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
    since = at - WINDOW_MS
    same = "c.caller IS NULL" if caller is None else "c.caller = ?4"
    earlier = connection.execute(
        "SELECT c.number, c.gateway, c.call_id, c.started_at, c.basis, c.model, c.unknown,"
        " c.repeat FROM calls c"
        " WHERE c.account_id = ?1 AND c.started_at >= ?2 AND c.started_at < ?3"
        f" AND {same} ORDER BY c.started_at",
        (account_id, since, at) if caller is None else (account_id, since, at, caller),
    ).fetchall()
    calls = [
        EarlierCall(
            began,
            credits.read(connection, (account_id, gateway, call), (basis, model, unknown, repeat)),
        )
        for dialled, gateway, call, began, basis, model, unknown, repeat in earlier
        if dialled == number
    ]
    if caller is None:
        return Caller(known=None, calls=calls)
    own = dict(
        connection.execute(
            "SELECT v.visitor_id, min(1.0, sum(k.probability)) FROM calls c"
            " JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
            " AND k.call_id = c.call_id"
            " JOIN visits v ON v.account_id = k.account_id AND v.visit_id = k.visit_id"
            " WHERE c.account_id = ? AND c.caller = ? AND c.started_at >= ? AND c.started_at < ?"
            " GROUP BY v.visitor_id",
            (account_id, caller, since, at),
        ).fetchall()
    )
    tied: dict[str, float] = defaultdict(float)
    for one in candidates:
        tied[one.visitor_id] += one.called
    others = {
        visitor: min(1.0, share - own.get(visitor, 0.0))
        for visitor, share in tied.items()
        if share > own.get(visitor, 0.0)
    }
    return Caller(known=bool(earlier), own=own, others=others, calls=calls)
