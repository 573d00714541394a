"""What a site's visitors did and who called, from what was read of it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ringtrace.domain.history import Hit
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.placing import PartialCredit, RealCall
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.call_records import SiteHistory
from ringtrace.store.rows import Row

VISIT_COLUMNS: Final = (
    "v.visit_id, v.visitor_id, v.started_at, v.seen_at, v.left_at, v.device, v.channel,"
    " coalesce(v.term, v.campaign)"
)
CREDIT_COLUMNS: Final = (
    "k.gateway, k.call_id, k.visit_id, k.channel, coalesce(k.keyword, k.campaign), k.probability"
)


def site_history(
    visits: Iterable[Row],
    signs: Iterable[Row],
    calls: Iterable[Row],
    credits_: Iterable[Row],
    complete_since: int | None,
) -> SiteHistory:
    """From VISIT_COLUMNS, CREDIT_COLUMNS by position, and what is named here.

    `signs`: visit_id, at, kind of the hits; `calls`: gateway, call_id, started_at, caller.
    """
    hits: list[Hit] = []
    visitors: dict[str, str] = {}
    for visit, visitor, began, seen_at, left_at, device, channel, keyword in visits:
        visitors[visit] = visitor
        hits.append(Hit(began, visit, visitor, HitKind.PAGE, (channel, keyword), Device(device)))
        if left_at is None and seen_at > began:
            # The last beat; the store keeps no others.
            hits.append(Hit(seen_at, visit, visitor, HitKind.BEAT))
    hits += [Hit(at, visit, visitors[visit], HitKind(kind)) for visit, at, kind in signs]
    credited: dict[tuple[str, str], list[PartialCredit]] = defaultdict(list)
    for gateway, call, visit, channel, keyword, share in credits_:
        credited[gateway, call].append(PartialCredit(visit, (channel, keyword), share))
    return SiteHistory(
        hits,
        [
            RealCall(at, caller, credits=tuple(credited.get((gateway, call), ())))
            for gateway, call, at, caller in calls
        ],
        complete_since,
    )


def span(newest: int, days: int, complete_since: int) -> tuple[int, int | None]:
    """From when on to read (ms since 1970 UTC), and the same again where that cuts `days` short.

    Of the days before only such visits are left as callers had: a replay of these would flatter.
    """
    asked = newest - days * DAY_MS
    return (asked, None) if asked >= complete_since else (complete_since, complete_since)
