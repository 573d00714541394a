"""What is said of a call's caller: which rule acted, why, what came of it, what users say."""

from dataclasses import dataclass
from datetime import datetime

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.flow import is_phone
from ringtrace.domain.screening import Passage, Rule
from ringtrace.services.call_records import CallRecord
from ringtrace.services.spam_records import Screening
from ringtrace.web.console import wording
from ringtrace.web.console.session import Viewer


@dataclass(frozen=True, slots=True)
class Said:
    """Words, and who said them when."""

    words: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SpamView:
    """`short` is a line of the log, None where no rule acted; `listed` is the entry that acted."""

    is_spam: bool
    short: str | None
    headline: str | None
    why: str | None
    came: str | None
    listed: Said | None
    mark: Said | None
    can_mark_every: bool
    can_list: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What the list says of a caller now, whatever became of this call; `pattern` is the entry."""

    words: str
    pattern: str


def standing(listing: Listing | None) -> Standing | None:
    return None if listing is None else Standing(_NEXT[listing.treatment], listing.pattern)


_NEXT = {
    Treatment.BLOCK: "This caller is blocked",
    Treatment.ASK: "This caller has to press a key",
    Treatment.TRUST: "This caller is trusted",
}


def spam_view(viewer: Viewer, record: CallRecord) -> SpamView:
    said, mark = record.screening, record.spam_mark
    return SpamView(
        is_spam=record.spam,
        short=None if said is None else _short(said),
        headline=None if said is None else _headline(said),
        why=None if said is None else f"{wording.RULES[said.rule]}: {said.evidence}.",
        came=None if said is None or record.report is None else _came(said),
        listed=_listed(viewer, said),
        mark=None
        if mark is None
        else Said(
            "Marked as spam" if mark.spam else "Marked as no spam",
            mark.marked_by or wording.THE_API,
            wording.moment(mark.marked_at, viewer.zone),
        ),
        can_mark_every=record.caller is not None,
        can_list=is_phone(record.caller or ""),
    )


def _headline(said: Screening) -> str:
    return "Blocked" if said.rule is Rule.BLOCKED else "Asked to press a key"


def _short(said: Screening) -> str:
    if said.rule is Rule.BLOCKED:
        return f"{_headline(said)} as {said.pattern}"
    asked = f"{_headline(said)} ({wording.RULES[said.rule].lower()})"
    return asked if said.passage is None else f"{asked}: {wording.PASSAGES[said.passage]}"


def _came(said: Screening) -> str:
    if said.passage is None:
        return "What came of that is not known: the gateway followed a plan of its own or failed."
    return _CAME[said.passage]


_CAME = {
    Passage.STOPPED: "The call was rejected before anybody was rung.",
    Passage.PASSED: "The caller pressed a key and was put through.",
    Passage.FAILED: "Nobody pressed a key, and nobody was rung.",
    Passage.LEFT: "The caller hung up before anybody was rung.",
}


def _listed(viewer: Viewer, said: Screening | None) -> Said | None:
    if said is None or said.pattern is None or said.listed_at is None:
        return None
    return Said(
        f"{said.pattern} was listed",
        said.listed_by or wording.THE_API,
        wording.moment(said.listed_at, viewer.zone),
    )
