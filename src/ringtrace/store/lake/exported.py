"""The files of an export, read back: every row is checked before it is believed."""

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import duckdb
import msgspec

from ringtrace.domain.attribution import Basis, Why
from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind, Leg, Outcome, PlanSource, Reason
from ringtrace.domain.moment import day_number, day_of
from ringtrace.domain.refusal import refusal
from ringtrace.domain.source import Source
from ringtrace.domain.source import Why as ChannelWhy
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.lake import Kind
from ringtrace.store.lake import parquet
from ringtrace.store.lake.export import CONTENTS, Contents, ExportedFile, Format
from ringtrace.store.lake.schema import TABLES, VERSION, Type

_Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_VisitId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Number = Annotated[str, msgspec.Meta(pattern=r"^\+[0-9]{3,15}$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Code = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Short = Annotated[str, msgspec.Meta(max_length=256)]
"""Stores find rows by it."""
_MANY: Final = 5_000
_ALMOST: Final = 1e-6


class ExportInvalidError(ValueError):
    """The message names the file, and where there is one the line and the field."""


class Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A row, with the columns of its kind (store/lake/schema.py)."""

    of_day: ClassVar[str]

    @property
    def day(self) -> int:
        """Since 1970 UTC."""
        at: datetime = getattr(self, self.of_day)
        return day_of(ms(at))

    def wrong(self) -> tuple[str, str] | None:
        """A field that does not go with the others, and why."""
        return None


class VisitLine(Line):
    of_day: ClassVar[str] = "started_at"

    visit_id: _VisitId
    visitor_id: _VisitId
    site_key: _Id
    started_at: datetime
    seen_at: datetime
    left_at: datetime | None
    contact_at: datetime | None
    tapped_at: datetime | None
    device: Device
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None
    term: str | None
    content: str | None
    click_id_type: str | None
    click_id: str | None
    landing_page: str | None
    reason: ChannelWhy | None
    number: _Number | None
    extension: _Short | None


class HitLine(Line):
    of_day: ClassVar[str] = "hit_at"

    visit_id: _VisitId
    hit_at: datetime
    kind: HitKind
    path: str


class ExposureLine(Line):
    of_day: ClassVar[str] = "shown_at"

    number: _Number
    shown_at: datetime
    visit_id: _VisitId
    extension: _Short | None


class Share(msgspec.Struct, forbid_unknown_fields=True):
    channel: str
    share: _Part


class CallLine(Line):
    of_day: ClassVar[str] = "started_at"

    gateway: GatewayKind
    call_id: _Id
    number: _Number
    caller: _Short | None
    started_at: datetime
    outcome: Outcome | None
    reason: Reason | None
    code: _Code | None
    target: str | None
    ring_seconds: _Seconds | None
    talk_seconds: _Seconds | None
    legs: str | None
    recording_url: str | None
    recording_seconds: _Seconds | None
    recording_channels: _Count | None
    session: str | None
    plan_source: PlanSource | None
    node: str | None
    digits: str | None
    flow: str | None
    audio_format: AudioFormat | None
    audio_sha256: str | None
    spam: bool
    basis: Basis
    model: str
    unknown: _Part
    repeat: _Part
    from_visits: bool
    shares: list[Share]

    def wrong(self) -> tuple[str, str] | None:
        if abs(self.unknown + sum(one.share for one in self.shares) - 1) > _ALMOST:
            return "shares", "with `unknown` they must sum to 1"
        return _unreadable("legs", self.legs, tuple[Leg, ...])


class CreditLine(Line):
    of_day: ClassVar[str] = "started_at"

    gateway: GatewayKind
    call_id: _Id
    started_at: datetime
    position: _Count
    visit_id: _VisitId | None
    probability: _Part
    channel: str
    campaign: str | None
    keyword: str | None
    source: str
    why: str | None

    def wrong(self) -> tuple[str, str] | None:
        return _unreadable("source", self.source, Source) or _unreadable("why", self.why, Why)


LINES: Final[Mapping[Kind, type[Line]]] = {
    Kind.VISITS: VisitLine,
    Kind.HITS: HitLine,
    Kind.EXPOSURES: ExposureLine,
    Kind.CALLS: CallLine,
    Kind.CREDITS: CreditLine,
}


@dataclass(frozen=True, slots=True)
class DayFile:
    """`day` is counted since 1970 UTC."""

    kind: Kind
    day: int
    file: ExportedFile


class Export:
    """An export in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ExportInvalidError: no contents, or not ours."""
        self._folder = folder
        try:
            self.contents = msgspec.json.decode((folder / CONTENTS).read_bytes(), type=Contents)
        except FileNotFoundError as error:
            raise ExportInvalidError(f"{CONTENTS} is missing: not a whole export") from error
        except msgspec.MsgspecError as error:
            raise ExportInvalidError(f"{CONTENTS}: {error}") from error
        if self.contents.schema > VERSION:
            raise ExportInvalidError(f"{CONTENTS}: schema: made by a newer Ringtrace")
        self.files = sorted(map(self._known, self.contents.files), key=lambda one: one.day)

    def verify(self, file: ExportedFile) -> None:
        """Raises ExportInvalidError: missing, or not what was exported."""
        path = self._folder / file.name
        if not path.is_file():
            raise ExportInvalidError(f"{file.name} is missing")
        if (path.stat().st_size, parquet.sha256_of(path)) != (file.bytes, file.sha256):
            raise ExportInvalidError(f"{file.name} is not what was exported: another SHA-256")

    def lines(self, one: DayFile) -> Iterator[Line]:
        """Raises ExportInvalidError."""
        reads: Mapping[Format, Callable[[DayFile, Path], Iterator[tuple[int, Any]]]] = {
            Format.PARQUET: _of_parquet, Format.CSV: _of_csv, Format.JSONL: _of_json,
        }  # fmt: skip
        form = self.contents.format
        read = reads[form](one, self._folder / one.file.name)
        rows = 0
        for number, said in read:
            rows += 1
            yield _line(one, number, said, lax=form is Format.CSV)
        if rows != one.file.rows:
            raise ExportInvalidError(f"{one.file.name}: {rows} rows, not {one.file.rows}")

    def _known(self, file: ExportedFile) -> DayFile:
        kind, _, rest = file.name.partition("/")
        day, _, extension = rest.partition(".")
        try:
            known = DayFile(Kind(kind), day_number(day), file)
        except ValueError:
            known = None
        if known is None or extension != self.contents.format:
            raise ExportInvalidError(f"{CONTENTS}: {file.name!r}: not KIND/DAY.FORMAT")
        return known


def ms(at: datetime) -> int:
    """Since 1970 UTC."""
    return round(at.timestamp() * 1_000)


def _line(one: DayFile, number: int, said: Any, *, lax: bool) -> Line:
    try:
        line = msgspec.convert(said, LINES[one.kind], strict=not lax)
    except msgspec.ValidationError as error:
        message, field = refusal(str(error))
        raise _wrong(one, number, field, message) from error
    # Times without a zone would be those of this machine.
    for name, type_ in TABLES[one.kind].columns.items():
        at = getattr(line, name) if type_ is Type.TIME else None
        if at is not None and at.tzinfo is None:
            raise _wrong(one, number, name, "a time in UTC is needed, such as 2026-11-23T07:30:00Z")
    if line.day != one.day:
        raise _wrong(one, number, line.of_day, "not of the day that the file is named after")
    found = line.wrong()
    if found is not None:
        raise _wrong(one, number, *found)
    return line


def _wrong(one: DayFile, number: int, field: str | None, message: str) -> ExportInvalidError:
    where = f"{one.file.name} line {number}"
    return ExportInvalidError(f"{where}: {field}: {message}" if field else f"{where}: {message}")


def _unreadable(field: str, said: str | None, wanted: Any) -> tuple[str, str] | None:
    if said is None:
        return None
    try:
        msgspec.json.decode(said, type=wanted)
    except msgspec.MsgspecError as error:
        return field, str(error)
    return None


def _of_json(one: DayFile, path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, msgspec.json.decode(line)
            except msgspec.DecodeError as error:
                raise _wrong(one, number, None, str(error)) from error


def _of_csv(one: DayFile, path: Path) -> Iterator[tuple[int, Any]]:
    """What is empty is not known, where that may be."""
    optional = _optional(LINES[one.kind])
    shares = [name for name, type_ in TABLES[one.kind].columns.items() if type_ is Type.SHARES]
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restkey="more", strict=True)
        number = 2
        try:
            for row in reader:
                said: dict[str, Any] = {
                    name: None if value == "" and name in optional else value
                    for name, value in row.items()
                }
                for name in shares:
                    said[name] = json.loads(said[name])
                yield number, said
                number = reader.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise _wrong(one, number, None, str(error)) from error
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise _wrong(one, number, "shares", str(error)) from error


def _optional(line: type[Line]) -> Collection[str]:
    return {
        field.name
        for field in msgspec.structs.fields(line)
        if type(None) in getattr(field.type, "__args__", ())
    }


def _of_parquet(one: DayFile, path: Path) -> Iterator[tuple[int, Any]]:
    times = {name for name, type_ in TABLES[one.kind].columns.items() if type_ is Type.TIME}
    with parquet.connect(path.parent) as database:
        try:
            found = database.execute(f"SELECT * FROM {parquet.sealed_source([path])}")
        except duckdb.Error as error:
            raise ExportInvalidError(f"{one.file.name}: {error}") from error
        names = [column[0] for column in found.description or ()]
        number = 0
        while some := found.fetchmany(_MANY):
            for values in some:
                number += 1
                said = dict(zip(names, values, strict=True))
                for name in times & said.keys():
                    if isinstance(said[name], datetime):
                        said[name] = said[name].replace(tzinfo=UTC)
                yield number, said
