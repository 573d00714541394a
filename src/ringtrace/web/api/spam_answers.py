"""What the API answers of spam."""

from datetime import datetime

import msgspec

from ringtrace.services.call_records import CallRecord
from ringtrace.services.spam_records import ListingRecord
from ringtrace.web.times import utc


class ScreeningAnswer(msgspec.Struct, frozen=True):
    """The rule that acted on a call and why; `passage` is what came of it, null while unknown.

    Where a list said so: whom it meant (`pattern`), since when and by whom, null through the API.
    """

    rule: str
    evidence: str
    pattern: str | None
    listed_at: datetime | None
    listed_by: str | None
    passage: str | None


class SpamMarkAnswer(msgspec.Struct, frozen=True):
    """A user said whether the call is spam; `marked_by` is his login, null through the API."""

    spam: bool
    marked_at: datetime
    marked_by: str | None


class ListingAnswer(msgspec.Struct, frozen=True):
    """A number or a beginning (`+1900*`) and how its callers are treated.

    `calls` are those it acted on. `by_gate`: the caller pressed a key when he was asked to.
    """

    caller: str
    treatment: str
    note: str
    added_at: datetime
    added_by: str | None
    by_gate: bool
    calls: int
    removed_at: datetime | None
    removed_by: str | None


class BlocklistAnswer(msgspec.Struct, frozen=True):
    """Newest first; `total` counts all that match."""

    callers: list[ListingAnswer]
    total: int
    limit: int
    offset: int


class ListedAnswer(msgspec.Struct, frozen=True):
    """How the callers of a request were read."""

    callers: list[str]


def screening(record: CallRecord) -> ScreeningAnswer | None:
    said = record.screening
    if said is None:
        return None
    return ScreeningAnswer(
        rule=said.rule.value,
        evidence=said.evidence,
        pattern=said.pattern,
        listed_at=None if said.listed_at is None else utc(said.listed_at),
        listed_by=said.listed_by,
        passage=None if said.passage is None else said.passage.value,
    )


def spam_mark(record: CallRecord) -> SpamMarkAnswer | None:
    made = record.spam_mark
    return None if made is None else SpamMarkAnswer(made.spam, utc(made.marked_at), made.marked_by)


def listing(record: ListingRecord) -> ListingAnswer:
    one = record.listing
    return ListingAnswer(
        caller=one.pattern,
        treatment=one.treatment.value,
        note=one.note,
        added_at=utc(one.added_at),
        added_by=one.added_by,
        by_gate=one.by_gate,
        calls=record.calls,
        removed_at=None if record.removed_at is None else utc(record.removed_at),
        removed_by=record.removed_by,
    )
