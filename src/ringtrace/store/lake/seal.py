"""Sealing: what changed of closed days becomes files, read back before it is believed."""

import logging
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from ringtrace.domain.moment import day_name
from ringtrace.services.lake import Change, DayRows, Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet, sums
from ringtrace.store.lake.manifest import SealedFile, SealedPart
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.putting import drop_others, put, put_made
from ringtrace.store.lake.ready import make_ready
from ringtrace.store.lake.staging import Staged, stage

log = logging.getLogger(__name__)

_DAYS_AT_ONCE: Final = 31
"""Of so many days rows are read in one go: for traffic that is one look through the account."""


class RowsLostError(RuntimeError):
    """The lake misses days whose rows have left the store; the message names them."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one run did."""

    days: int = 0
    rows: int = 0
    bytes: int = 0

    def __add__(self, other: "Sealed") -> "Sealed":
        return Sealed(self.days + other.days, self.rows + other.rows, self.bytes + other.bytes)


def due(rows: DayRows, place: Place, before: int) -> Sequence[Change]:
    """Parts of days before the day `before` of which the store says something else by now."""
    return [
        change
        for change in rows.changes()
        if change.day < before
        and not is_sealed(manifests.read(place, change.account_id, change.day), change)
    ]


def is_sealed(manifest: manifests.Manifest, change: Change) -> bool:
    """Whether the files say what the store says."""
    part = manifest.parts.get(change.part)
    return part is not None and part.mark == str(change.mark)


class Sealer:
    """Files are put together in `scratch`; `clock` answers ms since 1970 UTC."""

    def __init__(
        self, rows: DayRows, place: Place, scratch: Path, clock: Callable[[], int]
    ) -> None:
        self._rows = rows
        self._place = place
        self._scratch = scratch
        self._clock = clock

    def seal(
        self, before: int, progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> Sealed:
        """Everything that is due of the days before the day `before`; is told how far it is.

        Whatever ends it, what is not whole is not believed, and the next run does it again. Raises
        SealMismatchError, OSError, and at the end RowsLostError.
        """
        todo = due(self._rows, self._place, before)
        lost = [one for one in todo if self._is_lost(one)]
        todo = [one for one in todo if one not in lost]
        groups: dict[tuple[int, Part], list[Change]] = defaultdict(list)
        for change in todo:
            groups[change.account_id, change.part].append(change)
        total, done = Sealed(), 0
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        for (account_id, part), changes in groups.items():
            for start in range(0, len(changes), _DAYS_AT_ONCE):
                some = changes[start : start + _DAYS_AT_ONCE]
                total += self._some_days(account_id, part, {one.day for one in some})
                done += len(some)
                progress(done, len(todo))
            if part is Part.CALLS:
                make_ready(self._place, account_id, self._sites(account_id), self._scratch)
        shutil.rmtree(self._scratch, ignore_errors=True)
        if lost:
            raise RowsLostError(", ".join(sorted({day_name(one.day) for one in lost})))
        return total

    def _is_lost(self, change: Change) -> bool:
        """Rows of it left the store, and the lake does not know the day."""
        if not change.archived:
            return False
        known = manifests.read(self._place, change.account_id, change.day)
        return change.part not in known.parts

    def _some_days(self, account_id: int, part: Part, days: Collection[int]) -> Sealed:
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            work = Path(name)
            changes, staged = self._stage(account_id, part, days, work)
            total = Sealed()
            with parquet.connect(work) as database:
                sums.know_sites(database, self._sites(account_id))
                for day in sorted(days):
                    own = [one for (_, of), one in staged.items() if of == day]
                    total += self._day(database, changes[day], own)
        return total

    def _sites(self, account_id: int) -> Mapping[str, str]:
        with self._rows.snapshot():
            return self._rows.sites(account_id)

    def _stage(
        self, account_id: int, part: Part, days: Collection[int], work: Path
    ) -> tuple[Mapping[int, Change], Mapping[tuple[Kind, int], Staged]]:
        """The rows as of one moment, and what is said of the days at that moment."""
        with self._rows.snapshot():
            changes = {one.day: one for one in self._rows.changes(account_id) if one.part is part}
            return changes, stage(self._rows, account_id, part.kinds, days, work)

    def _day(
        self, database: duckdb.DuckDBPyConnection, change: Change, staged: Sequence[Staged]
    ) -> Sealed:
        account_id, day, part = change.account_id, change.day, change.part
        known = manifests.read(self._place, account_id, day)
        files = self._files(database, known, change, staged)
        paths = {kind: self._place.fetch(one.name) for kind, one in files.items()}
        paths |= {one.kind: _target(one) for one in staged}
        made = put_made(self._place, account_id, part, day, "sums", sums.encoded(database, paths))
        sealed = SealedPart(str(change.mark), self._clock(), files, made)
        manifests.keep(self._place, known.having(part, sealed))
        drop_others(self._place, account_id, day, part, sealed)
        found = Sealed(
            1, sum(one.rows for one in files.values()), sum(one.bytes for one in files.values())
        )
        log.info(
            "day_sealed account=%d day=%s part=%s rows=%d bytes=%d",
            account_id, day_name(day), part, found.rows, found.bytes,
        )  # fmt: skip
        return found

    def _files(
        self, database: duckdb.DuckDBPyConnection, known: manifests.Manifest, change: Change,
        staged: Sequence[Staged],
    ) -> Mapping[Kind, SealedFile]:  # fmt: skip
        """Of an archived day what was sealed stays, whatever the store still has."""
        before = known.files_of(change.part) if change.archived else {}
        files = dict(before)
        for one in staged:
            target = _target(one)
            if one.kind in before:
                sealed = self._place.fetch(before[one.kind].name)
                content = parquet.write_merged(database, one, sealed, target)
            else:
                content = parquet.write(database, one, target)
            files[one.kind] = put(
                self._place, known.account, one.kind, known.number, target, content
            )
        return files


def _target(staged: Staged) -> Path:
    return staged.path.with_suffix(".parquet")
