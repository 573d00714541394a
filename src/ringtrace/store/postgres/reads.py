"""Reading what was written."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from ringtrace.domain.account import TokenKind, User
from ringtrace.domain.attribution import Basis
from ringtrace.domain.call import GatewayKind
from ringtrace.services.call_records import (
    CallFilter,
    CallPage,
    CallRecord,
    CallTag,
    Correction,
    KeptReport,
    VisitRecord,
)
from ringtrace.services.setup_records import Configuration, KeptFlow, ValidToken
from ringtrace.store import calls as kept
from ringtrace.store import configuration as settled
from ringtrace.store import credits as shares
from ringtrace.store import listings, rows, visits
from ringtrace.store import notices as told
from ringtrace.store import sounds as heard
from ringtrace.store.filters import joined, of_calls
from ringtrace.store.postgres import (
    credits,  # noqa: A004 - what a call's shares are called
    notices,
    recipients,
    sounds,
)
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.credits import KEPT
from ringtrace.store.postgres.listings import IN_EFFECT
from ringtrace.store.postgres.rowset import listed, of_account
from ringtrace.store.postgres.screenings import SPAM, judged
from ringtrace.store.postgres.slots import numbered
from ringtrace.store.postgres.tags import TAGS, of_call
from ringtrace.store.rows import Row
from ringtrace.store.site_pool import SHOWN_LATELY_MS

_RECORD_COLUMNS: Final = of_account(kept.RECORD_COLUMNS)


def _records(calls: str) -> str:
    """A statement for the account's ($1) `calls`, with all that is known of each."""
    return (
        f"SELECT {_RECORD_COLUMNS}, {KEPT}, {TAGS}, {SPAM},"
        f" x.visit_id, x.made_at, x.made_by FROM {calls} c"
        " LEFT JOIN corrections x ON x.account_id = c.account_id AND x.gateway = c.gateway"
        " AND x.call_id = c.call_id WHERE c.account_id = $1"
    )


_VIEWS: Final = listed(
    "h.at, h.kind, h.path",
    "FROM hits h WHERE h.account_id = $1 AND h.visit_id = $2 ORDER BY h.at, h.kind, h.path",
)
_views = msgspec.json.Decoder(list[tuple[int, str, str]]).decode

_ACCOUNTS = "SELECT account_id, name, region FROM accounts ORDER BY account_id"
_SITES = f"SELECT {settled.SITE_COLUMNS} FROM sites ORDER BY account_id, site_key"
_NUMBERS = (
    f"SELECT {settled.NUMBER_COLUMNS} FROM numbers"
    " ORDER BY account_id, kind DESC, site_key NULLS FIRST, position, number"
)
_FLOWS = (
    "SELECT DISTINCT ON (account_id, name) account_id, name, version, flow, made_at FROM flows"
    " ORDER BY account_id, name, version DESC"
)
_TOKENS = "SELECT token_hash, account_id, kind FROM tokens"
_MODELS = (
    "SELECT DISTINCT ON (account_id, site_key) account_id, site_key, model, made_at FROM models"
    " ORDER BY account_id, site_key, made_at DESC"
)
_EXTENSIONS_SHOWN = (
    "SELECT e.number, max(v.seen_at) FROM exposures e JOIN visits v"
    " ON v.account_id = e.account_id AND v.visit_id = e.visit_id"
    " WHERE e.extension IS NOT NULL"
    " AND e.shown_at >= (SELECT max(shown_at) FROM exposures WHERE extension IS NOT NULL)"
    f" - {SHOWN_LATELY_MS} GROUP BY e.account_id, e.number"
)
_SPAM_RULES = (
    "SELECT DISTINCT ON (account_id) account_id, rules FROM spam_rules"
    " ORDER BY account_id, made_at DESC"
)
OF_ALL_ACCOUNTS: Final = frozenset(
    {_ACCOUNTS, _SITES, _NUMBERS, _FLOWS, _TOKENS, _MODELS, _EXTENSIONS_SHOWN, sounds.OF_ALL}
    | {IN_EFFECT, _SPAM_RULES}
    | {recipients.OF_ALL, notices.DUE}
)
"""What a server reads of all: the configuration, and what is to be delivered.

All else is of one account.
"""


async def configuration(connection: Connection) -> Configuration:
    fetch = connection.fetch
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        flows = settled.flows(await fetch(_FLOWS))
        return Configuration(
            accounts=settled.accounts(await fetch(_ACCOUNTS)),
            sites=settled.sites(await fetch(_SITES)),
            numbers=settled.numbers(await fetch(_NUMBERS), flows),
            tokens=settled.tokens(await fetch(_TOKENS)),
            models=settled.models(await fetch(_MODELS)),
            extensions_shown=tuple((one, at) for one, at in await fetch(_EXTENSIONS_SHOWN)),
            flows=tuple(flows.values()),
            listings=tuple((one, listings.listing(row)) for one, *row in await fetch(IN_EFFECT)),
            spam_rules=tuple(
                (one, rows.spam_rules(rules)) for one, rules in await fetch(_SPAM_RULES)
            ),
            recipients=told.recipients(await fetch(recipients.OF_ALL)),
            sounds=heard.sounds(await fetch(sounds.OF_ALL)),
        )


async def flow(connection: Connection, account_id: int, name: str, version: int) -> KeptFlow | None:
    row = await connection.fetchrow(
        "SELECT flow, made_at FROM flows WHERE account_id = $1 AND name = $2 AND version = $3",
        account_id,
        name,
        version,
    )
    return KeptFlow(account_id, name, version, rows.flow(row[0]), row[1]) if row else None


async def user(connection: Connection, login: str) -> User | None:
    """In two steps: where a login lives is known everywhere, the user only there."""
    owner = await connection.fetchval("SELECT account_id FROM login_routes WHERE login = $1", login)
    if owner is None:
        return None
    row = await connection.fetchrow(
        "SELECT account_id, login, password_hash FROM users WHERE account_id = $1 AND login = $2",
        owner,
        login,
    )
    return User(*row) if row else None


async def call(
    connection: Connection, account_id: int, gateway: GatewayKind, call_id: str
) -> CallRecord | None:
    row = await connection.fetchrow(
        f"{_records('calls')} AND c.gateway = $2 AND c.call_id = $3",
        account_id,
        gateway.value,
        call_id,
    )
    return _call(row) if row else None


async def reports(
    connection: Connection, account_id: int, gateway: GatewayKind, call_id: str
) -> Sequence[KeptReport]:
    found = await connection.fetch(
        "SELECT received_at, accepted, report FROM call_reports"
        " WHERE account_id = $1 AND gateway = $2 AND call_id = $3 ORDER BY received_at, digest",
        account_id,
        gateway.value,
        call_id,
    )
    return [kept.kept_report(row) for row in found]


async def calls(
    connection: Connection, account_id: int, where: CallFilter, limit: int, offset: int
) -> CallPage:
    total = await count_calls(connection, account_id, where)
    slots = numbered()
    matches, values = joined(of_calls(account_id, where), slots)
    newest_first = "ORDER BY c.started_at DESC, c.gateway, c.call_id"
    page = (
        f"(SELECT c.* FROM calls c WHERE {matches} {newest_first}"
        f" LIMIT {next(slots)} OFFSET {next(slots)})"
    )
    found = await connection.fetch(f"{_records(page)} {newest_first}", *values, limit, offset)
    return CallPage(tuple(_call(row) for row in found), total)


async def count_calls(connection: Connection, account_id: int, where: CallFilter) -> int:
    matches, values = joined(of_calls(account_id, where), numbered())
    return int(await connection.fetchval(f"SELECT count(*) FROM calls c WHERE {matches}", *values))


async def calls_after(
    connection: Connection, account_id: int, after: tuple[int, str, str], limit: int
) -> Sequence[CallRecord]:
    found = await connection.fetch(
        f"{_records('calls')} AND c.started_at >= $2"
        " AND (c.started_at, c.gateway, c.call_id) > ($2, $3, $4)"
        " ORDER BY c.started_at, c.gateway, c.call_id LIMIT $5",
        account_id,
        *after,
        limit,
    )
    return [_call(row) for row in found]


async def unreported(
    connection: Connection, account_id: int, since: int, until: int
) -> Sequence[CallRecord]:
    found = await connection.fetch(
        f"{_records('calls')} AND c.started_at >= $2 AND c.started_at < $3 AND c.report IS NULL"
        " ORDER BY c.started_at, c.gateway, c.call_id",
        account_id,
        since,
        until,
    )
    return [_call(row) for row in found]


async def visit(connection: Connection, account_id: int, visit_id: str) -> VisitRecord | None:
    row = await connection.fetchrow(
        f"SELECT {_VIEWS}, {visits.RECORD_COLUMNS} FROM visits v"
        " WHERE v.account_id = $1 AND v.visit_id = $2",
        account_id,
        visit_id,
    )
    return visits.record(row[1:], _views(row[0])) if row else None


async def tokens(connection: Connection, account_id: int) -> Sequence[ValidToken]:
    found = await connection.fetch(
        "SELECT kind, created_at FROM tokens WHERE account_id = $1 ORDER BY created_at DESC, kind",
        account_id,
    )
    return [ValidToken(TokenKind(kind), issued_at) for kind, issued_at in found]


def _call(row: Row) -> CallRecord:
    *own, credited, tags, screened, marked, visit_id, made_at, made_by = row
    attribution = shares.attribution(kept.said(own), credits.kept(credited))
    corrected = attribution.basis is Basis.CORRECTED and made_at is not None
    correction = Correction(visit_id, made_at, made_by) if corrected else None
    screening, spam_mark = judged(screened, marked)
    return replace(
        kept.record(own, attribution, correction),
        screening=screening,
        spam_mark=spam_mark,
        tags=tuple(CallTag(*one) for one in of_call(tags)),
    )
