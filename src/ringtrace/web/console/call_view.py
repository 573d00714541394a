"""A call as the console shows it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.domain.call import Outcome, Recording
from ringtrace.domain.number import NumberInvalidError, normalise
from ringtrace.services.call_records import CallRecord
from ringtrace.services.directory import Directory
from ringtrace.services.use_cases import UseCases
from ringtrace.web.certainty import certainty
from ringtrace.web.console import wording
from ringtrace.web.console.session import Viewer
from ringtrace.web.console.spam_view import SpamView, spam_view


@dataclass(frozen=True, slots=True)
class Badge:
    """A status: always words; the tone only colours them."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Player:
    """`link` is None until the audio has arrived; it expires."""

    link: str | None
    length: str


@dataclass(frozen=True, slots=True)
class CallView:
    href: str
    at: datetime
    caller: str
    number: str
    number_name: str
    target: str
    outcome: Badge
    reason: str | None
    ring: str
    talk: str
    channel: str
    detail: str
    certainty: Badge
    tags: tuple[str, ...]
    player: Player | None
    spam: SpamView


def call_view(uses: UseCases, viewer: Viewer, record: CallRecord) -> CallView:
    account_id = viewer.account.account_id
    report = record.report
    known = uses.directory.number(account_id, record.number)
    best = certainty(record.attribution)
    return CallView(
        href=f"/calls/{record.gateway.value}/{quote(record.call, safe='')}",
        at=wording.moment(record.started_at, viewer.zone),
        caller=shown_caller(uses.directory, record.caller),
        number=uses.directory.written(record.number).international,
        number_name=known.name if known else "",
        target=shown_target(uses.directory, report.target if report else None),
        outcome=outcome_badge(report.outcome if report else None),
        reason=wording.REASONS[report.reason] if report and report.reason else None,
        ring=wording.length(report.ring_seconds if report else None),
        talk=wording.length(report.talk_seconds if report and report.talk_seconds else None),
        channel=best.channel or wording.UNKNOWN,
        detail=" · ".join(text for text in (best.campaign, best.keyword) if text),
        certainty=certainty_badge(record.attribution),
        tags=tuple(one.tag for one in record.tags),
        player=player(uses, account_id, record),
        spam=spam_view(viewer, record),
    )


def outcome_badge(outcome: Outcome | None) -> Badge:
    """A call without a report is still going on."""
    if outcome is None:
        return Badge("In progress", "info")
    return Badge(wording.OUTCOMES[outcome], wording.TONES[outcome])


def certainty_badge(attribution: Attribution) -> Badge:
    if attribution.basis is Basis.CORRECTED:
        return Badge("corrected", "plain")
    best = certainty(attribution)
    if best.channel_probability is None:
        return Badge("not attributed", "quiet")
    if attribution.basis is Basis.STATIC_NUMBER:
        return Badge("by its number", "plain")
    if attribution.basis is Basis.EXTENSION:
        return Badge("by its extension", "plain")
    sure = best.channel_probability
    return Badge(f"{wording.percent(sure)} sure", "good" if sure >= _SURE else "warn")


_SURE = 0.8


def player(uses: UseCases, account_id: int, record: CallRecord) -> Player | None:
    said: Recording | None = record.report.recording if record.report else None
    if said is None and not record.is_playable:
        return None
    return Player(
        link=uses.recording_links.path(account_id, record) if record.is_playable else None,
        length=wording.length(said.seconds if said else None),
    )


def shown_caller(directory: Directory, caller: str | None) -> str:
    """A caller that is no number (a SIP name) is shown as it came."""
    if caller is None:
        return wording.WITHHELD
    return _shown(directory, caller)


def shown_target(directory: Directory, target: str | None) -> str:
    return wording.NONE if target is None else _shown(directory, target)


def _shown(directory: Directory, text: str) -> str:
    if not text.startswith("+"):
        return text.removeprefix("sips:").removeprefix("sip:")
    try:
        return directory.written(normalise(text, None)).international
    except NumberInvalidError:
        return text
