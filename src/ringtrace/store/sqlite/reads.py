"""Reading what was written, on connections of their own beside the writer."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from ringtrace.domain.account import TokenKind, User
from ringtrace.domain.attribution import Basis
from ringtrace.domain.call import GatewayKind
from ringtrace.services.call_records import (
    CallFilter,
    CallPage,
    CallRecord,
    KeptReport,
    VisitRecord,
)
from ringtrace.services.setup_records import Configuration, KeptFlow, ValidToken
from ringtrace.store import calls as kept
from ringtrace.store import configuration as settled
from ringtrace.store import rows, visits
from ringtrace.store.filters import joined, of_calls
from ringtrace.store.site_pool import SHOWN_LATELY_MS
from ringtrace.store.sqlite import (
    credits,  # noqa: A004 - what a call's shares are called
    listings,
    notices,
)
from ringtrace.store.sqlite.corrections import correction
from ringtrace.store.sqlite.screenings import screening
from ringtrace.store.sqlite.sounds import sounds
from ringtrace.store.sqlite.spam_marks import mark
from ringtrace.store.sqlite.tags import tags


def configuration(connection: sqlite3.Connection) -> Configuration:
    execute = connection.execute
    execute("BEGIN")
    try:
        flows = settled.flows(
            execute(
                "SELECT account_id, name, max(version), flow, made_at FROM flows"
                " GROUP BY account_id, name"
            )
        )
        return Configuration(
            accounts=settled.accounts(execute("SELECT account_id, name, region FROM accounts")),
            sites=settled.sites(execute(f"SELECT {settled.SITE_COLUMNS} FROM sites")),
            numbers=settled.numbers(
                execute(
                    f"SELECT {settled.NUMBER_COLUMNS} FROM numbers"
                    " ORDER BY account_id, kind DESC, site_key, position, number"
                ),
                flows,
            ),
            tokens=settled.tokens(execute("SELECT token_hash, account_id, kind FROM tokens")),
            models=settled.models(
                execute(
                    "SELECT account_id, site_key, model, max(made_at) FROM models"
                    " GROUP BY account_id, site_key"
                )
            ),
            extensions_shown=tuple(
                execute(
                    "SELECT e.number, max(v.seen_at) FROM exposures e JOIN visits v"
                    " ON v.account_id = e.account_id AND v.visit_id = e.visit_id"
                    " WHERE e.extension IS NOT NULL AND e.shown_at >= ? + (SELECT max(shown_at)"
                    "  FROM exposures WHERE extension IS NOT NULL)"
                    " GROUP BY e.account_id, e.number",
                    (-SHOWN_LATELY_MS,),
                )
            ),
            flows=tuple(flows.values()),
            recipients=notices.all_recipients(connection),
            listings=listings.in_effect(connection),
            spam_rules=tuple(
                (account_id, rows.spam_rules(rules))
                for account_id, rules, _ in execute(
                    "SELECT account_id, rules, max(made_at) FROM spam_rules GROUP BY account_id"
                )
            ),
            sounds=sounds(connection),
        )
    finally:
        execute("COMMIT")


def flow(
    connection: sqlite3.Connection, account_id: int, name: str, version: int
) -> KeptFlow | None:
    row = connection.execute(
        "SELECT flow, made_at FROM flows WHERE account_id = ? AND name = ? AND version = ?",
        (account_id, name, version),
    ).fetchone()
    return KeptFlow(account_id, name, version, rows.flow(row[0]), row[1]) if row else None


def user(connection: sqlite3.Connection, login: str) -> User | None:
    row = connection.execute(
        "SELECT u.account_id, u.login, u.password_hash FROM login_routes r JOIN users u"
        " ON u.account_id = r.account_id AND u.login = r.login WHERE r.login = ?",
        (login,),
    ).fetchone()
    return User(*row) if row else None


def call(
    connection: sqlite3.Connection, account_id: int, gateway: GatewayKind, call_id: str
) -> CallRecord | None:
    row = connection.execute(
        f"SELECT {kept.RECORD_COLUMNS} FROM calls c"
        " WHERE c.account_id = ? AND c.gateway = ? AND c.call_id = ?",
        (account_id, gateway.value, call_id),
    ).fetchone()
    return _call(connection, account_id, row) if row else None


def reports(
    connection: sqlite3.Connection, account_id: int, gateway: GatewayKind, call_id: str
) -> Sequence[KeptReport]:
    found = connection.execute(
        "SELECT received_at, accepted, report FROM call_reports"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY received_at, digest",
        (account_id, gateway.value, call_id),
    )
    return [kept.kept_report(row) for row in found]


def calls(
    connection: sqlite3.Connection, account_id: int, where: CallFilter, limit: int, offset: int
) -> CallPage:
    total = count_calls(connection, account_id, where)
    matches, values = joined(of_calls(account_id, where), repeat("?"))
    found = connection.execute(
        f"SELECT {kept.RECORD_COLUMNS} FROM calls c WHERE {matches}"
        " ORDER BY c.started_at DESC, c.gateway, c.call_id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    return CallPage(tuple(_call(connection, account_id, row) for row in found), total)


def count_calls(connection: sqlite3.Connection, account_id: int, where: CallFilter) -> int:
    matches, values = joined(of_calls(account_id, where), repeat("?"))
    (total,) = connection.execute(
        f"SELECT count(*) FROM calls c WHERE {matches}", values
    ).fetchone()
    return int(total)


def calls_after(
    connection: sqlite3.Connection, account_id: int, after: tuple[int, str, str], limit: int
) -> Sequence[CallRecord]:
    found = connection.execute(
        f"SELECT {kept.RECORD_COLUMNS} FROM calls c WHERE c.account_id = ? AND c.started_at >= ?"
        " AND (c.started_at, c.gateway, c.call_id) > (?, ?, ?)"
        " ORDER BY c.started_at, c.gateway, c.call_id LIMIT ?",
        (account_id, after[0], *after, limit),
    ).fetchall()
    return [_call(connection, account_id, row) for row in found]


def unreported(
    connection: sqlite3.Connection, account_id: int, since: int, until: int
) -> Sequence[CallRecord]:
    found = connection.execute(
        f"SELECT {kept.RECORD_COLUMNS} FROM calls c WHERE c.account_id = ? AND c.started_at >= ?"
        " AND c.started_at < ? AND c.report IS NULL ORDER BY c.started_at",
        (account_id, since, until),
    ).fetchall()
    return [_call(connection, account_id, row) for row in found]


def visit(connection: sqlite3.Connection, account_id: int, visit_id: str) -> VisitRecord | None:
    row = connection.execute(
        f"SELECT {visits.RECORD_COLUMNS} FROM visits v WHERE v.account_id = ? AND v.visit_id = ?",
        (account_id, visit_id),
    ).fetchone()
    views = connection.execute(
        "SELECT at, kind, path FROM hits WHERE account_id = ? AND visit_id = ? ORDER BY at",
        (account_id, visit_id),
    )
    return visits.record(row, views) if row else None


def tokens(connection: sqlite3.Connection, account_id: int) -> Sequence[ValidToken]:
    found = connection.execute(
        "SELECT kind, created_at FROM tokens WHERE account_id = ? ORDER BY created_at DESC, kind",
        (account_id,),
    )
    return [ValidToken(TokenKind(kind), issued_at) for kind, issued_at in found]


def _call(connection: sqlite3.Connection, account_id: int, row: tuple[Any, ...]) -> CallRecord:
    key = (account_id, row[0], row[1])
    attribution = credits.read(connection, key, kept.said(row))
    corrected = attribution.basis is Basis.CORRECTED
    return replace(
        kept.record(row, attribution, correction(connection, key) if corrected else None),
        screening=screening(connection, key),
        spam_mark=mark(connection, key),
        tags=tags(connection, key),
    )
