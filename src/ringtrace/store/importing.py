"""Rows of an export go back into a store, a part of a day in one transaction."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import msgspec

from ringtrace.domain.call import Leg, Recording, Report
from ringtrace.services.lake import Kind, Part
from ringtrace.store import rows
from ringtrace.store.lake.exported import CallLine, CreditLine, Line, ms
from ringtrace.store.lake.schema import TABLES

T = TypeVar("T")

_MANY: Final = 1_000
_legs = msgspec.json.Decoder(tuple[Leg, ...])

Row: TypeAlias = tuple[object, ...]
"""In the order of COLUMNS, without the account."""

CallKey: TypeAlias = tuple[str, str]
"""Gateway, call."""

HasAudio: TypeAlias = Callable[[CallLine], bool]
"""Whether the recording that a call says it has is kept here."""

COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.VISITS: tuple(TABLES[Kind.VISITS].columns),
    Kind.HITS: ("visit_id", "at", "kind", "path"),
    Kind.EXPOSURES: tuple(TABLES[Kind.EXPOSURES].columns),
    Kind.CALLS: (
        "gateway", "call_id", "number", "caller", "started_at", "outcome", "talk_seconds",
        "report", "basis", "model", "unknown", "repeat", "digits", "flow", "audio_format",
        "audio_sha256", "spam", "shares",
    ),
    Kind.CREDITS: (
        "gateway", "call_id", "position", "visit_id", "probability", "channel", "campaign",
        "keyword", "source", "why",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows that are new, and those that were there and stay as they are."""

    added: int = 0
    known: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(self.added + other.added, self.known + other.known)


class DayWriter(Protocol):
    """Of one account and a part of a day. A row that is there stays as it is."""

    def add(self, kind: Kind, rows: Sequence[Row]) -> int:
        """How many were new."""
        ...

    def add_calls(self, rows: Sequence[Row]) -> Collection[CallKey]:
        """Those that were new."""
        ...

    def mark(self) -> None:
        """What was sealed of the day is old."""
        ...


class Importing(AbstractContextManager["Importing"], Protocol):
    """No server runs over the store meanwhile."""

    def has_account(self, account_id: int) -> bool: ...

    def calls_there(self, account_id: int, keys: Collection[CallKey]) -> Collection[CallKey]:
        """Those of the keys that are calls of the account."""
        ...

    def day(self, account_id: int, part: Part, day: int) -> AbstractContextManager[DayWriter]:
        """What is written inside is written when it ends, or not at all when it raises.

        `day` is counted since 1970 UTC.
        """
        ...


def bring_back(
    store: Importing,
    account_id: int,
    part: Part,
    day: int,
    lines: Mapping[Kind, Iterable[Line]],
    has_audio: HasAudio,
) -> Mapping[Kind, Imported]:
    """All lines of a part of a day, or none when this raises."""
    # Before the transaction, which must not wait for a bucket of recordings.
    calls = [_call(line, has_audio) for line in lines.get(Kind.CALLS, ())]
    with store.day(account_id, part, day) as writer:
        if part is Part.CALLS:
            done = _add_calls(writer, calls, lines.get(Kind.CREDITS, ()))
        else:
            done = {kind: _add(writer, kind, some) for kind, some in lines.items()}
        if any(one.added for one in done.values()):
            writer.mark()
    return done


def _add(writer: DayWriter, kind: Kind, lines: Iterable[Line]) -> Imported:
    done = Imported()
    for some in _batches(lines):
        added = writer.add(kind, [_row(line) for line in some])
        done += Imported(added, len(some) - added)
    return done


def _add_calls(
    writer: DayWriter, calls: Sequence[Row], credit_lines: Iterable[Line]
) -> Mapping[Kind, Imported]:
    """Credits go with their call: those of one that is there are there."""
    new = {key for some in _batches(calls) for key in writer.add_calls(some)}
    shares = Imported()
    for lines in _batches(credit_lines):
        of_new = [row for line in lines if (row := _credit(line))[:2] in new]
        added = writer.add(Kind.CREDITS, of_new) if of_new else 0
        shares += Imported(added, len(lines) - added)
    return {Kind.CALLS: Imported(len(new), len(calls) - len(new)), Kind.CREDITS: shares}


def _row(line: Line) -> Row:
    """Of a visit, a hit or an exposure."""
    return tuple(map(_value, msgspec.structs.astuple(line)))


def _value(value: Any) -> object:
    return ms(value) if isinstance(value, datetime) else value


def _call(line: Line, has_audio: HasAudio) -> Row:
    assert isinstance(line, CallLine)  # noqa: S101 - narrows by kind
    heard = line.audio_format is not None and has_audio(line)
    return (
        line.gateway, line.call_id, line.number, line.caller, ms(line.started_at), line.outcome,
        line.talk_seconds, _report(line), line.basis, line.model, line.unknown, line.repeat,
        line.digits, line.flow, line.audio_format if heard else None,
        line.audio_sha256 if heard else None, line.spam,
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


def _credit(line: Line) -> Row:
    assert isinstance(line, CreditLine)  # noqa: S101 - narrows by kind
    return (
        line.gateway, line.call_id, line.position, line.visit_id, line.probability, line.channel,
        line.campaign, line.keyword, line.source, line.why,
    )  # fmt: skip


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, _MANY)):
        yield some
