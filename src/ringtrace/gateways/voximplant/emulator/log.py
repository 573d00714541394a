"""The session log, worded like the platform's."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda
from ringtrace.gateways.voximplant.emulator.result import Moment

_HIDDEN = frozenset({"password", "authorization"})


class SessionLog:
    def __init__(self, start: datetime, agenda: Agenda) -> None:
        self.lines: list[str] = []
        self.timeline: list[Moment] = []
        self.tones_hidden = False
        self._start = start.astimezone(UTC)
        self._agenda = agenda

    def write(self, text: str) -> None:
        moment = self._start + timedelta(seconds=self._agenda.now)
        self.lines.append(f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {text}")

    def event(self, name: str, fields: dict[str, Any]) -> None:
        shown = {"name": name, **fields}
        if self.tones_hidden and "tone" in shown:
            shown["tone"] = "*"
        self.write(f"Sent event to JS onPhoneEvent with params {worded([shown])}")
        self.timeline.append(Moment(self._t(), "event", name, fields))

    def command(self, name: str, data: dict[str, Any], *, quiet: bool = False) -> None:
        """`quiet` keeps the particulars out of the text, as enableSystemLog: false does."""
        if not quiet:
            verb = "Sent request from JS" if "." in name else "Executing JS command:"
            self.write(f"{verb} {name} with params {worded([data])}")
        self.timeline.append(Moment(self._t(), "command", name, data))

    def _t(self) -> float:
        return round(self._agenda.now, 3)


def worded(value: object, name: str = "") -> str:
    """Value in the notation of the platform's log: `{key = value ; }`, `[one ;  two ;  ]`."""
    if name.lower() in _HIDDEN:
        return "******"
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case dict():
            return "{" + "".join(f"{k} = {worded(v, str(k))} ; " for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + "".join(f"{worded(item)} ;  " for item in value) + "]"
        case _:
            return str(value)
