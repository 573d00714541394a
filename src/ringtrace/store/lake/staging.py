"""Rows of a store on their way into files: lines of JSON, counted and summed up on the way."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from ringtrace.services.lake import DayRows, Kind, Row
from ringtrace.store.lake.schema import checked

_MANY: Final = 5_000
_BETWEEN, _NOTHING = "\x1f", "\x00"
_encode_lines = msgspec.json.Encoder().encode_lines


class Staged:
    """Rows of one kind and day on their way into a file."""

    def __init__(self, kind: Kind, path: Path) -> None:
        self.kind = kind
        self.path = path
        self.rows = 0
        self._sum = 0
        self._checked = checked(kind)
        self._waiting: list[Row] = []
        self._file = path.open("wb")

    @property
    def digest(self) -> str:
        return f"{self._sum:x}"

    def add(self, row: Row) -> None:
        text = _BETWEEN.join([_text(row[name]) for name in self._checked])
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        self._sum += int.from_bytes(digest[8:], "little")
        self.rows += 1
        self._waiting.append(row)
        if len(self._waiting) >= _MANY:
            self._write()

    def close(self) -> None:
        self._write()
        self._file.close()

    def _write(self) -> None:
        self._file.write(_encode_lines(self._waiting))
        self._waiting = []


def _text(value: object) -> str:
    if value is None:
        return _NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def stage(
    rows: DayRows, account_id: int, kinds: Iterable[Kind], days: Collection[int], work: Path
) -> Mapping[tuple[Kind, int], Staged]:
    """By kind and day, of those that have rows; in files of the folder `work`."""
    staged: dict[tuple[Kind, int], Staged] = {}
    with ExitStack() as files:
        for kind in kinds:
            for day, row in rows.rows(account_id, kind, days):
                if (kind, day) not in staged:
                    one = staged[kind, day] = Staged(kind, work / f"{kind}-{day}.ndjson")
                    files.callback(one.close)
                staged[kind, day].add(row)
    return staged
