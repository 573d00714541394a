"""What a site's visitors did and who called, read back whole."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.attribution import Basis
from ringtrace.domain.history import Hit
from ringtrace.domain.placing import PartialCredit, RealCall
from ringtrace.domain.visit import Device, HitKind

DAY_MS: Final = 86_400_000

_VISITS = "FROM visits v WHERE v.account_id = ?1 AND v.site_key = ?2 AND v.started_at >= ?3"


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """Hits of the visits that began in the days asked for, and calls to the site's pool."""

    hits: list[Hit]
    calls: list[RealCall]


def site_keys(connection: sqlite3.Connection, account_id: int) -> list[str]:
    found = connection.execute(
        "SELECT site_key FROM sites WHERE account_id = ? ORDER BY site_key", (account_id,)
    )
    return [key for (key,) in found]


def site_history(
    connection: sqlite3.Connection, account_id: int, site_key: str, days: int
) -> SiteHistory:
    """The last `days` days up to the newest visit, as of one moment."""
    connection.execute("BEGIN")
    try:
        (newest,) = connection.execute(
            "SELECT max(started_at) FROM visits WHERE account_id = ? AND site_key = ?",
            (account_id, site_key),
        ).fetchone()
        if newest is None:
            return SiteHistory([], [])
        key = (account_id, site_key, newest - days * DAY_MS)
        return SiteHistory(list(_hits(connection, key)), _calls(connection, key))
    finally:
        connection.execute("ROLLBACK")


def _hits(connection: sqlite3.Connection, key: tuple[int, str, int]) -> Iterator[Hit]:
    visitors: dict[str, str] = {}
    visits = connection.execute(
        "SELECT v.visit_id, v.visitor_id, v.started_at, v.seen_at, v.left_at, v.device,"
        f" v.channel, coalesce(v.term, v.campaign) {_VISITS}",
        key,
    )
    for visit, visitor, began, seen_at, left_at, device, channel, keyword in visits:
        visitors[visit] = visitor
        yield Hit(began, visit, visitor, HitKind.PAGE, (channel, keyword), Device(device))
        if left_at is None and seen_at > began:
            # The last beat; the store keeps no others.
            yield Hit(seen_at, visit, visitor, HitKind.BEAT)
    hits = connection.execute(
        f"SELECT h.visit_id, h.at, h.kind FROM hits h JOIN (SELECT v.visit_id {_VISITS}) v"
        " ON v.visit_id = h.visit_id WHERE h.account_id = ?1",
        key,
    )
    for visit, at, kind in hits:
        yield Hit(at, visit, visitors[visit], HitKind(kind))


def _calls(connection: sqlite3.Connection, key: tuple[int, str, int]) -> list[RealCall]:
    account_id, site_key, since = key
    calls = connection.execute(
        "SELECT c.gateway, c.call_id, c.started_at, c.caller FROM calls c"
        " JOIN numbers n ON n.account_id = c.account_id AND n.number = c.number"
        " WHERE c.account_id = ? AND n.site_key = ? AND n.kind = 'pool' AND c.started_at >= ?"
        " AND (c.basis = ? OR c.basis = ? AND c.unknown < 1) ORDER BY c.started_at",
        (account_id, site_key, since, Basis.EXPOSURES, Basis.CORRECTED),
    ).fetchall()
    return [
        RealCall(at, caller, credits=_credits(connection, account_id, gateway, call))
        for gateway, call, at, caller in calls
    ]


def _credits(
    connection: sqlite3.Connection, account_id: int, gateway: str, call: str
) -> tuple[PartialCredit, ...]:
    found = connection.execute(
        "SELECT visit_id, channel, coalesce(keyword, campaign), probability FROM credits"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY position",
        (account_id, gateway, call),
    )
    return tuple(
        PartialCredit(visit, (channel, keyword), share) for visit, channel, keyword, share in found
    )
