"""Reading what was written, on connections of their own beside the writer."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from ringtrace.domain.account import Account, TokenKind, TokenOwner, User
from ringtrace.domain.attribution import Basis
from ringtrace.domain.audio import Audio, AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.services.ports import (
    CallFilter,
    CallPage,
    CallRecord,
    Configuration,
    KeptFlow,
    KeptReport,
    PageView,
    SiteModel,
    ValidToken,
    VisitRecord,
)
from ringtrace.services.spam_records import Spam
from ringtrace.store.sqlite import (
    credits,  # noqa: A004 - what a call's shares are called
    listings,
    notices,
    rows,
)
from ringtrace.store.sqlite.corrections import correction
from ringtrace.store.sqlite.screenings import screening
from ringtrace.store.sqlite.sounds import sounds
from ringtrace.store.sqlite.spam_marks import mark
from ringtrace.store.sqlite.tags import tags

_CALL_COLUMNS = (
    "c.gateway, c.call_id, c.number, c.caller, c.started_at, c.report, c.basis, c.model,"
    " c.unknown, c.audio_format, c.audio_sha256,"
    " (SELECT count(*) FROM call_reports r WHERE r.account_id = c.account_id"
    "  AND r.gateway = c.gateway AND r.call_id = c.call_id AND NOT r.accepted),"
    " c.repeat, c.digits, c.flow, c.spam"
)


_CREDITED = (
    "EXISTS (SELECT 1 FROM credits k WHERE k.account_id = c.account_id"
    " AND k.gateway = c.gateway AND k.call_id = c.call_id AND k.channel = ?)"
)
_TAGGED = (
    "EXISTS (SELECT 1 FROM call_tags t WHERE t.account_id = c.account_id"
    " AND t.gateway = c.gateway AND t.call_id = c.call_id AND t.tag = ?)"
)
_MOSTLY_UNKNOWN = "c.unknown > ?"
_HALF = 0.5
_SPAM: Mapping[Spam, Sequence[str]] = {
    Spam.WITH: (),
    Spam.WITHOUT: ("NOT c.spam",),
    Spam.ONLY: ("c.spam",),
}
_SHOWN_LATELY_MS = 7 * 86_400_000
"""Of visits that began earlier none is on page any more that the tag has not told anew."""


def configuration(connection: sqlite3.Connection) -> Configuration:
    execute = connection.execute
    connection.execute("BEGIN")
    try:
        flows = _flows(connection)
        return Configuration(
            accounts=tuple(Account(*row) for row in execute("SELECT * FROM accounts")),
            sites=tuple(
                Site(account_id, key, name, rows.texts(origins), rows.texts(swap), above)
                for account_id, key, name, origins, swap, above in execute("SELECT * FROM sites")
            ),
            numbers=tuple(
                _number(row, flows)
                for row in execute(
                    "SELECT account_id, number, kind, name, flow, site_key, source, active,"
                    " extensions, flow_name FROM numbers"
                    " ORDER BY account_id, kind DESC, site_key, position, number"
                )
            ),
            tokens=tuple(
                (digest, TokenOwner(account_id, TokenKind(kind)))
                for digest, account_id, kind in execute(
                    "SELECT token_hash, account_id, kind FROM tokens"
                )
            ),
            models=tuple(
                SiteModel(account_id, site_key, rows.model(model), made_at)
                for account_id, site_key, model, made_at in execute(
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
                    (-_SHOWN_LATELY_MS,),
                )
            ),
            flows=tuple(flows.values()),
            recipients=notices.recipients(connection),
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
        connection.execute("COMMIT")


def _flows(connection: sqlite3.Connection) -> dict[tuple[int, str], KeptFlow]:
    """The newest version of each flow, by account and name."""
    return {
        (account_id, name): KeptFlow(account_id, name, version, rows.flow(flow), made_at)
        for account_id, name, version, flow, made_at in connection.execute(
            "SELECT account_id, name, max(version), flow, made_at FROM flows"
            " GROUP BY account_id, name"
        )
    }


def flow(
    connection: sqlite3.Connection, account_id: int, name: str, version: int
) -> KeptFlow | None:
    row = connection.execute(
        "SELECT flow, made_at FROM flows WHERE account_id = ? AND name = ? AND version = ?",
        (account_id, name, version),
    ).fetchone()
    return KeptFlow(account_id, name, version, rows.flow(row[0]), row[1]) if row else None


def _number(row: tuple[Any, ...], flows: Mapping[tuple[int, str], KeptFlow]) -> TrackingNumber:
    account_id, number, kind, name, flow, site_key, source, active, extensions, flow_name = row
    kept = flows.get((account_id, flow_name))
    return TrackingNumber(
        account_id=account_id,
        number=number,
        kind=NumberKind(kind),
        name=name,
        flow=kept.flow if kept else rows.flow(flow),
        site_key=site_key,
        source=rows.source(source) if source else None,
        active=bool(active),
        extensions=rows.extensions(extensions),
        flow_name=kept.name if kept else None,
        flow_version=kept.version if kept else None,
    )


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
        f"SELECT {_CALL_COLUMNS} FROM calls c"
        " WHERE c.account_id = ? AND c.gateway = ? AND c.call_id = ?",
        (account_id, gateway.value, call_id),
    ).fetchone()
    return _record(connection, account_id, row) if row else None


def reports(
    connection: sqlite3.Connection, account_id: int, gateway: GatewayKind, call_id: str
) -> Sequence[KeptReport]:
    found = connection.execute(
        "SELECT received_at, accepted, report FROM call_reports"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY received_at, digest",
        (account_id, gateway.value, call_id),
    )
    return [KeptReport(at, bool(accepted), rows.report(body)) for at, accepted, body in found]


def calls(
    connection: sqlite3.Connection, account_id: int, where: CallFilter, limit: int, offset: int
) -> CallPage:
    total = count_calls(connection, account_id, where)
    matches, values = condition(account_id, where)
    found = connection.execute(
        f"SELECT {_CALL_COLUMNS} FROM calls c WHERE {matches}"
        " ORDER BY c.started_at DESC, c.gateway, c.call_id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    return CallPage(tuple(_record(connection, account_id, row) for row in found), total)


def count_calls(connection: sqlite3.Connection, account_id: int, where: CallFilter) -> int:
    matches, values = condition(account_id, where)
    (total,) = connection.execute(
        f"SELECT count(*) FROM calls c WHERE {matches}", values
    ).fetchone()
    return int(total)


def calls_after(
    connection: sqlite3.Connection, account_id: int, after: tuple[int, str, str], limit: int
) -> Sequence[CallRecord]:
    found = connection.execute(
        f"SELECT {_CALL_COLUMNS} FROM calls c WHERE c.account_id = ? AND c.started_at >= ?"
        " AND (c.started_at, c.gateway, c.call_id) > (?, ?, ?)"
        " ORDER BY c.started_at, c.gateway, c.call_id LIMIT ?",
        (account_id, after[0], *after, limit),
    ).fetchall()
    return [_record(connection, account_id, row) for row in found]


def unreported(
    connection: sqlite3.Connection, account_id: int, since: int, until: int
) -> Sequence[CallRecord]:
    found = connection.execute(
        f"SELECT {_CALL_COLUMNS} FROM calls c WHERE c.account_id = ? AND c.started_at >= ?"
        " AND c.started_at < ? AND c.report IS NULL ORDER BY c.started_at",
        (account_id, since, until),
    ).fetchall()
    return [_record(connection, account_id, row) for row in found]


def visit(connection: sqlite3.Connection, account_id: int, visit_id: str) -> VisitRecord | None:
    row = connection.execute(
        f"SELECT v.visitor_id, v.site_key, v.device, v.number, v.started_at,"
        f" {rows.CANDIDATE_COLUMNS} FROM visits v WHERE v.account_id = ? AND v.visit_id = ?",
        (account_id, visit_id),
    ).fetchone()
    if row is None:
        return None
    visitor_id, site_key, device, number, started_at = row[:5]
    candidate = rows.candidate(started_at, row[5:])
    views = connection.execute(
        "SELECT at, kind, path FROM hits WHERE account_id = ? AND visit_id = ? ORDER BY at",
        (account_id, visit_id),
    )
    first = PageView(started_at, "page", candidate.source.landing_page or "")
    return VisitRecord(
        candidate=candidate,
        visitor_id=visitor_id,
        site_key=site_key,
        device=device,
        number=number,
        views=(first, *(PageView(*view) for view in views)),
    )


def tokens(connection: sqlite3.Connection, account_id: int) -> Sequence[ValidToken]:
    found = connection.execute(
        "SELECT kind, created_at FROM tokens WHERE account_id = ? ORDER BY created_at DESC, kind",
        (account_id,),
    )
    return [ValidToken(TokenKind(kind), issued_at) for kind, issued_at in found]


def condition(account_id: int, where: CallFilter) -> tuple[str, tuple[object, ...]]:
    """What of a call `c` must hold, and the values to bind."""
    parts, values = ["c.account_id = ?", *_SPAM[where.spam]], [account_id]
    wanted: tuple[tuple[str, object], ...] = (
        ("c.started_at >= ?", where.since),
        ("c.started_at < ?", where.until),
        ("c.outcome = ?", where.outcome),
        (_CREDITED, where.channel),
        (_MOSTLY_UNKNOWN, _HALF if where.unknown else None),
        (_TAGGED, where.tag),
    )
    bound: list[object] = list(values)
    for part, value in wanted:
        if value is not None:
            parts.append(part)
            bound.append(value)
    return " AND ".join(parts), tuple(bound)


def _record(connection: sqlite3.Connection, account_id: int, row: tuple[object, ...]) -> CallRecord:
    (gateway, call_id, number, caller, started_at, report, basis, model, unknown, audio_format,
     audio_sha256, contradictions, repeat, digits, flow, spam) = row  # fmt: skip
    key = (account_id, str(gateway), str(call_id))
    return CallRecord(
        gateway=GatewayKind(str(gateway)),
        call=str(call_id),
        number=str(number),
        caller=None if caller is None else str(caller),
        started_at=int(str(started_at)),
        report=rows.report(str(report)) if report else None,
        attribution=credits.read(
            connection,
            key,
            (str(basis), str(model), float(str(unknown)), float(str(repeat))),
        ),
        audio=_audio(audio_format, audio_sha256),
        contradictions=int(str(contradictions)),
        correction=correction(connection, key) if basis == Basis.CORRECTED else None,
        digits=None if digits is None else str(digits),
        flow=None if flow is None else str(flow),
        spam=bool(spam),
        screening=screening(connection, key),
        spam_mark=mark(connection, key),
        tags=tags(connection, key),
    )


def _audio(kind: object, sha256: object) -> Audio | None:
    if kind is None:
        return None
    return Audio(AudioFormat(str(kind)), None if sha256 is None else str(sha256))
