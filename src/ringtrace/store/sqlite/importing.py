"""Rows of an export go into the file, a part of a day in one transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from ringtrace.domain.call import Leg, Recording, Report
from ringtrace.services.lake import Kind, Part
from ringtrace.store import rows
from ringtrace.store.lake.exported import CallLine, CreditLine, Line, ms
from ringtrace.store.lake.schema import TABLES
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.connection import connect

_MANY: Final = 1_000
_legs = msgspec.json.Decoder(tuple[Leg, ...])

_INTO: Final[Mapping[Kind, str]] = {
    kind: f"INSERT OR IGNORE INTO {kind} (account_id, {', '.join(columns)})"
    f" VALUES ({', '.join('?' * (1 + len(columns)))})"
    for kind, columns in (
        (Kind.VISITS, list(TABLES[Kind.VISITS].columns)),
        (Kind.HITS, ["visit_id", "at", "kind", "path"]),
        (Kind.EXPOSURES, list(TABLES[Kind.EXPOSURES].columns)),
    )
}
_CALL: Final = (
    "gateway", "call_id", "number", "caller", "started_at", "outcome", "talk_seconds", "report",
    "basis", "model", "unknown", "repeat", "digits", "flow", "audio_format", "audio_sha256", "spam",
    "shares",
)  # fmt: skip
_INTO_CALLS: Final = (
    f"INSERT OR IGNORE INTO calls (account_id, {', '.join(_CALL)})"
    f" VALUES ({', '.join('?' * (1 + len(_CALL)))})"
)
_INTO_CREDITS: Final = (
    "INSERT INTO credits (account_id, gateway, call_id, position, visit_id, probability, channel,"
    " campaign, keyword, source, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows that are new, and those that were there and stay as they are."""

    added: int = 0
    known: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(self.added + other.added, self.known + other.known)


HasAudio = Callable[[CallLine], bool]
"""Whether the recording that a call says it has is kept here."""


class SqliteImport:
    """Nobody else writes meanwhile. `close` it, or use it as a context."""

    def __init__(self, path: Path, has_audio: HasAudio) -> None:
        self._connection = connect(path)
        self._has_audio = has_audio

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has_account(self, account_id: int) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM accounts WHERE account_id = ?", (account_id,)
        )
        return found.fetchone() is not None

    def has_call(self, account_id: int, gateway: str, call: str) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM calls WHERE account_id = ? AND gateway = ? AND call_id = ?",
            (account_id, gateway, call),
        )
        return found.fetchone() is not None

    def day(
        self, account_id: int, part: Part, day: int, lines: Mapping[Kind, Iterable[Line]]
    ) -> Mapping[Kind, Imported]:
        """All of them, or none when this raises; a row that is there stays as it is."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            done = (
                self._calls(account_id, lines)
                if part is Part.CALLS
                else {kind: self._rows(account_id, kind, some) for kind, some in lines.items()}
            )
            if any(one.added for one in done.values()):
                marks.day(self._connection, account_id, part, day)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return done

    def _rows(self, account_id: int, kind: Kind, lines: Iterable[Line]) -> Imported:
        done = Imported()
        waiting: list[tuple[object, ...]] = []

        def write() -> Imported:
            added = self._connection.executemany(_INTO[kind], waiting).rowcount
            said = Imported(added, len(waiting) - added)
            waiting.clear()
            return said

        for line in lines:
            waiting.append((account_id, *map(_value, msgspec.structs.astuple(line))))
            if len(waiting) >= _MANY:
                done += write()
        return done + write() if waiting else done

    def _calls(
        self, account_id: int, lines: Mapping[Kind, Iterable[Line]]
    ) -> Mapping[Kind, Imported]:
        """Credits go with their call: those of one that is there are there."""
        added: set[tuple[str, str]] = set()
        calls = credits_ = Imported()
        for line in lines.get(Kind.CALLS, ()):
            assert isinstance(line, CallLine)  # noqa: S101 - narrows by kind
            new = self._connection.execute(_INTO_CALLS, (account_id, *self._call(line))).rowcount
            calls += Imported(new, 1 - new)
            if new:
                added.add((line.gateway, line.call_id))
        for line in lines.get(Kind.CREDITS, ()):
            assert isinstance(line, CreditLine)  # noqa: S101 - narrows by kind
            if (line.gateway, line.call_id) not in added:
                credits_ += Imported(known=1)
                continue
            self._connection.execute(
                _INTO_CREDITS,
                (
                    account_id, line.gateway, line.call_id, line.position, line.visit_id,
                    line.probability, line.channel, line.campaign, line.keyword, line.source,
                    line.why,
                ),
            )  # fmt: skip
            credits_ += Imported(added=1)
        return {Kind.CALLS: calls, Kind.CREDITS: credits_}

    def _call(self, line: CallLine) -> tuple[object, ...]:
        """In the order of _CALL."""
        has_audio = line.audio_format is not None and self._has_audio(line)
        return (
            line.gateway, line.call_id, line.number, line.caller, ms(line.started_at), line.outcome,
            line.talk_seconds, _report(line), line.basis, line.model, line.unknown, line.repeat,
            line.digits, line.flow, line.audio_format if has_audio else None,
            line.audio_sha256 if has_audio else None, line.spam,
            rows.text({one.channel: one.share for one in line.shares}),
        )  # fmt: skip


def _report(line: CallLine) -> str | None:
    """None of a call that nobody reported."""
    if line.outcome is None:
        return None
    recording = Recording(line.recording_url, line.recording_seconds, line.recording_channels)
    said = Report(
        number=line.number, caller=line.caller, started_at=ms(line.started_at),
        outcome=line.outcome, reason=line.reason, code=line.code, target=line.target,
        ring_seconds=line.ring_seconds, talk_seconds=line.talk_seconds,
        legs=_legs.decode(line.legs) if line.legs else (),
        recording=None if astuple(recording) == (None, None, None) else recording,
        session=line.session, plan_source=line.plan_source, digits=line.digits, node=line.node,
        flow=line.flow,
    )  # fmt: skip
    return rows.text(said)


def _value(value: Any) -> object:
    return ms(value) if isinstance(value, datetime) else value
