"""What a person reads who gets a notice by mail."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from phonenumbers import timezone

from ringtrace.domain.attribution import Attribution
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.notice import Event
from ringtrace.services.call_records import CallRecord
from ringtrace.services.notice_records import Letter, Notice
from ringtrace.services.use_cases import UseCases
from ringtrace.web.certainty import certainty
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import shown_caller, shown_target
from ringtrace.web.notices.links import RECORDING_MS, Links

_MOST_LETTERS: Final = 200
"""Of a fact; names of campaigns and keywords come from browsers and are anybody's text."""

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("ringtrace.web.notices"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_UNKNOWN_ZONE: Final = "Etc/Unknown"


@dataclass(frozen=True, slots=True)
class Letters:
    """Makes the letter of a notice."""

    uses: UseCases
    links: Links

    def __call__(self, notice: Notice) -> Letter:
        account_id, call = notice.delivery.account_id, notice.call
        unsubscribe = self.links.base() + self.uses.unsubscribe_links.path(notice.recipient)
        title = wording.EVENTS[notice.delivery.event]
        context = {
            "title": title,
            "facts": [] if call is None else self._facts(account_id, call),
            "listen": None if call is None else self.links.recording(account_id, call),
            "page": None if call is None else self.links.call(call),
            "days": RECORDING_MS // DAY_MS,
            "is_message": notice.delivery.event is Event.VOICEMAIL,
            "is_test": notice.delivery.event is Event.TEST,
            "unsubscribe": unsubscribe,
        }
        return Letter(
            subject=title if call is None else self._subject(title, account_id, call),
            text=_ENVIRONMENT.get_template("letter.txt").render(context),
            html=_ENVIRONMENT.get_template("letter.html").render(context),
            unsubscribe=unsubscribe,
        )

    def _subject(self, title: str, account_id: int, call: CallRecord) -> str:
        known = self.uses.directory.number(account_id, call.number)
        caller = shown_caller(self.uses.directory, call.caller)
        return _plain(f"{title}: {caller}" + (f" ({known.name})" if known else ""))

    def _facts(self, account_id: int, call: CallRecord) -> list[tuple[str, str]]:
        directory, report = self.uses.directory, call.report
        known = directory.number(account_id, call.number)
        number = directory.written(call.number).international
        zone = zone_of(call.number)
        at = wording.moment(call.started_at, zone)
        facts = [
            ("Caller", shown_caller(directory, call.caller)),
            ("Number", f"{known.name} ({number})" if known else number),
            ("When", f"{at.day} {at.strftime('%b %Y, %H:%M')} ({zone})"),
            ("Where from", _source(call.attribution)),
        ]
        if report is not None:
            if report.reason is not None:
                facts.append(("Why", wording.REASONS[report.reason]))
            facts.append(("Rang", wording.length(report.ring_seconds)))
            if report.talk_seconds:
                facts.append(("Talked", wording.length(report.talk_seconds)))
                facts.append(("With", shown_target(directory, report.target)))
        return [(name, _plain(value)) for name, value in facts]


def zone_of(number: str) -> tzinfo:
    """The time zone where a number is at home; UTC where it may be in several."""
    zones = timezone.time_zones_for_number(phonenumbers.parse(number))
    if len(zones) != 1 or zones[0] == _UNKNOWN_ZONE:
        return ZoneInfo("UTC")
    return ZoneInfo(zones[0])


def _source(attribution: Attribution) -> str:
    best = certainty(attribution)
    if best.channel is None:
        return wording.UNKNOWN
    parts = (best.channel, best.campaign, best.keyword)
    return " · ".join(part for part in parts if part)


def _plain(text: str) -> str:
    """One line without control characters, cut where it is too long to be a name."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MOST_LETTERS else f"{line[:_MOST_LETTERS]}…"
