"""Rows leave the store: those of old days whose files have them, as the store still says."""

import logging
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ringtrace.domain.moment import day_name
from ringtrace.services.lake import Change, DayRows, Key, Kind, LeavingRows
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.manifest import SealedFile
from ringtrace.store.lake.parquet import SealMismatchError
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.schema import TABLES, Type
from ringtrace.store.lake.seal import RowsLostError, is_sealed

log = logging.getLogger(__name__)

_AT_ONCE: Final = 200
"""Rows of one transaction: on a slow disk it takes a few ms."""


@dataclass(frozen=True, slots=True)
class Left:
    """What one run did."""

    days: int = 0
    rows: int = 0

    def __add__(self, other: "Left") -> "Left":
        return Left(self.days + other.days, self.rows + other.rows)


def leaving(rows: DayRows, place: Place, before: int) -> Sequence[Change]:
    """Days before the day `before` that are sealed as they are and have rows in the store."""
    return [
        change
        for change in rows.changes()
        if change.part.leaves
        and change.day < before
        and not change.left
        and is_sealed(manifests.read(place, change.account_id, change.day), change)
    ]


class Leaver:
    """Hold the lake's lock meanwhile."""

    def __init__(self, rows: DayRows, store: LeavingRows, place: Place, scratch: Path) -> None:
        self._rows = rows
        self._store = store
        self._place = place
        self._scratch = scratch

    def leave(
        self, before: int, progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> Left:
        """Everything of the days before the day `before` that may leave, oldest day first.

        Whatever ends it, every row is in the store or in the lake, and the next run goes on. Raises
        SealMismatchError: a file is not what its manifest says. RowsLostError: the lake is not the
        one that earlier days went to, and gets no others. OSError.
        """
        self._see_earlier_days()
        todo = leaving(self._rows, self._place, before)
        accounts: dict[int, list[Change]] = defaultdict(list)
        for change in todo:
            self._verify(change)
            accounts[change.account_id].append(change)
        total, done = Left(), 0
        for account_id, changes in accounts.items():
            for change in self._store.begin(account_id, changes):
                total += self._day(change)
                done += 1
                progress(done, len(todo))
        return total

    def _see_earlier_days(self) -> None:
        archived: dict[int, set[int]] = defaultdict(set)
        for change in self._rows.changes():
            if change.archived:
                archived[change.account_id].add(change.day)
        for account_id, days in archived.items():
            known = frozenset(self._place.names(manifests.days_folder(account_id)))
            named = {manifests.manifest_name(account_id, day_name(day)) for day in days}
            if lost := sorted(named - known):
                raise RowsLostError(", ".join(lost))

    def _verify(self, change: Change) -> None:
        for kind, file in self._files(change):
            if parquet.sha256_of(self._place.fetch(file.name)) != file.sha256:
                raise SealMismatchError(f"{file.name}: not the {kind} that were sealed")

    def _day(self, change: Change) -> Left:
        rows = 0
        for kind, file in self._files(change):
            for keys in self._keys(kind, file):
                dropped = self._store.drop(change, kind, keys)
                if dropped is None:
                    return Left(0, rows)
                rows += dropped
        if not self._store.end(change):
            return Left(0, rows)
        log.info(
            "day_left account=%d day=%s part=%s rows=%d",
            change.account_id, day_name(change.day), change.part, rows,
        )  # fmt: skip
        return Left(1, rows)

    def _files(self, change: Change) -> list[tuple[Kind, SealedFile]]:
        """Visits first."""
        files = manifests.read(self._place, change.account_id, change.day).parts[change.part].files
        return [(kind, files[kind]) for kind in change.part.kinds if kind in files]

    def _keys(self, kind: Kind, file: SealedFile) -> Iterator[Sequence[Key]]:
        """Of the file's rows, as they lie in the store."""
        table = TABLES[kind]
        columns = ", ".join(
            f"epoch_ms({name})" if table.columns[name] is Type.TIME else name for name in table.key
        )
        path = self._place.fetch(file.name)
        with (
            tempfile.TemporaryDirectory(dir=self._scratch) as work,
            parquet.connect(Path(work)) as database,
        ):
            found = database.execute(
                f"SELECT {columns} FROM {parquet.sealed_source([path])} ORDER BY ALL"
            )
            while keys := found.fetchmany(_AT_ONCE):
                yield keys
