"""The list of callers: how an entry is read, and when another takes its place."""

from typing import Final

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import ListingFilter, ListingRecord
from ringtrace.store.filters import Condition
from ringtrace.store.rows import Row

LISTING_COLUMNS: Final = "l.pattern, l.treatment, l.note, l.added_at, l.added_by, l.by_gate"
RECORD_COLUMNS: Final = (
    "(SELECT count(*) FROM screenings s WHERE s.account_id = l.account_id"
    "  AND s.pattern = l.pattern AND s.listed_at = l.added_at),"
    f" l.removed_at, l.removed_by, {LISTING_COLUMNS}"
)
"""Both of an entry `l` of listed_callers."""

_PASSED: Final = "pressed a key when asked"


def listing(row: Row) -> Listing:
    """From LISTING_COLUMNS."""
    pattern, treatment, note, added_at, added_by, by_gate = row
    return Listing(pattern, Treatment(treatment), note, added_at, added_by, bool(by_gate))


def record(row: Row) -> ListingRecord:
    """From RECORD_COLUMNS."""
    calls, removed_at, removed_by, *said = row
    return ListingRecord(listing(said), calls, removed_at, removed_by)


def of_listings(account_id: int, where: ListingFilter) -> list[Condition]:
    asked: list[Condition] = [
        ("l.account_id = {}", (account_id,)),
        (f"l.removed_at IS {'NOT ' if where.removed else ''}NULL", ()),
    ]
    if where.treatment is not None:
        asked.append(("l.treatment = {}", (where.treatment.value,)))
    if where.pattern:
        # LIKE would take what a person typed for a pattern of its own.
        asked.append(("l.pattern <> replace(l.pattern, {}, '')", (where.pattern,)))
    return asked


def newest_first(where: ListingFilter) -> str:
    return f"ORDER BY l.{'removed_at' if where.removed else 'added_at'} DESC, l.pattern, l.added_at"


def is_news(said: Listing | None, one: Listing) -> bool:
    """Whether `one` says otherwise than what a person `said` of its pattern so far."""
    known = said and (said.treatment, said.note, said.by_gate)
    return known != (one.treatment, one.note, False)


def trusted(said: Listing | None, caller: str, at: int) -> Listing | None:
    """The caller passed the gate `at` (ms since 1970 UTC); what a person says otherwise stands."""
    if said is not None and said.treatment is not Treatment.ASK:
        return None
    return Listing(caller, Treatment.TRUST, _PASSED, at, None, by_gate=True)


def not_listed() -> NotFoundError:
    return NotFoundError("this caller is not on the list", "caller")
