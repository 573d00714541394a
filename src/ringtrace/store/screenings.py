"""What a rule did to a call, what came of it and what users say: whether the call is spam."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ringtrace.domain.call import Report
from ringtrace.domain.screening import Finding, Passage, Rule, is_spam, passage
from ringtrace.services.spam_records import Screening, SpamMark
from ringtrace.store.rows import Row

SCREENING_COLUMNS: Final = "s.rule, s.evidence, s.pattern, s.listed_at, s.listed_by, s.passage"
"""Of a row `s` of screenings."""

MARK_COLUMNS: Final = "m.spam, m.marked_at, m.marked_by"
"""Of the newest row `m` of a call's spam_marks."""


def screening(row: Row | None) -> Screening | None:
    """From SCREENING_COLUMNS, if there is any."""
    if row is None:
        return None
    rule, evidence, pattern, listed_at, listed_by, came = row
    return Screening(
        Rule(rule), evidence, pattern, listed_at, listed_by, None if came is None else Passage(came)
    )


def mark(row: Row | None) -> SpamMark | None:
    """From MARK_COLUMNS, if there are any."""
    if row is None or row[0] is None:
        return None
    said, marked_at, marked_by = row
    return SpamMark(bool(said), marked_at, marked_by)


def found(finding: Finding | None) -> Screening | None:
    """A rule acts on a call that is ringing."""
    if finding is None:
        return None
    one = finding.listing
    return Screening(
        finding.rule,
        finding.evidence,
        one.pattern if one else None,
        one.added_at if one else None,
        one.added_by if one else None,
        None,
    )


def reported(known: Screening | None, report: Report) -> tuple[Screening | None, bool]:
    """The screening with what the report says came of it, and whether the caller passed by that."""
    if known is None:
        return None, False
    came = passage(known.rule, report)
    is_news = came is Passage.PASSED and known.passage is not Passage.PASSED
    return replace(known, passage=came), is_news


@dataclass(frozen=True, slots=True)
class Told:
    """A report that was accepted at `at` (ms since 1970 UTC), as it completes those before."""

    finding: Finding | None
    report: Report
    at: int


def followed(
    known: Screening | None, told: Iterable[Told]
) -> tuple[Screening | None, list[tuple[str, int]]]:
    """The screening after these reports, and who passed by them and when."""
    passed = []
    for one in told:
        known, is_news = reported(known or found(one.finding), one.report)
        if is_news and one.report.caller is not None:
            passed.append((one.report.caller, one.at))
    return known, passed


def is_spam_by(known: Screening | None, said: SpamMark | None) -> bool:
    return is_spam(
        rule=None if known is None else known.rule,
        came=None if known is None else known.passage,
        marked=None if said is None else said.spam,
    )
