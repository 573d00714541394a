"""Taking a caller's number out of sealed files: each that has it is written anew, the old goes."""

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ringtrace.domain.call import GatewayKind
from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.manifest import Manifest
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.putting import drop_others, put

_EMPTIED = ("recording_url", "recording_seconds", "recording_channels", "session", "audio_format",
            "audio_sha256")  # fmt: skip


@dataclass(frozen=True, slots=True)
class SealedCaller:
    """A file of calls that tells of the caller, and his calls in it."""

    manifest: Manifest
    calls: Sequence[tuple[GatewayKind, str]]


class LakeForgetting:
    """Files are put together in `scratch`. Hold the lake's lock meanwhile."""

    def __init__(self, place: Place, scratch: Path) -> None:
        self._place = place
        self._scratch = scratch

    def find(self, account_id: int, spelled: Collection[str]) -> Sequence[SealedCaller]:
        """Raises ManifestInvalidError, OSError."""
        found = []
        with parquet.connect(self._scratch) as database:
            for manifest in manifests.read_all(self._place, account_id):
                calls = self._calls(database, manifest, spelled)
                if calls:
                    found.append(SealedCaller(manifest, calls))
        return found

    def make_anonymous(self, sealed: SealedCaller, spelled: Collection[str], name: str) -> None:
        """The day's file of calls with `name` in place of the caller, and nothing of his voice."""
        manifest = sealed.manifest
        part = manifest.parts[Part.CALLS]
        file = self._place.fetch(part.files[Kind.CALLS].name)
        his = f"caller IN ({', '.join(parquet.literal(one) for one in sorted(spelled))})"
        emptied = ", ".join(
            f"CASE WHEN {his} THEN NULL ELSE {one} END AS {one}" for one in _EMPTIED
        )
        query = (
            f"SELECT * REPLACE (CASE WHEN {his} THEN {parquet.literal(name)} ELSE caller END"
            f" AS caller, {emptied}) FROM {parquet.sealed_source([file])}"
        )
        with (
            tempfile.TemporaryDirectory(dir=self._scratch) as work,
            parquet.connect(Path(work)) as database,
        ):
            target = Path(work) / "calls.parquet"
            parquet.copy(database, query, Kind.CALLS, target)
            content = parquet.examine(database, Kind.CALLS, target)
            if content[0] != part.files[Kind.CALLS].rows:
                raise parquet.SealMismatchError(f"{manifest.name}: rows were lost")
            again = put(self._place, manifest.account, Kind.CALLS, manifest.number, target, content)
        files = {**part.files, Kind.CALLS: again}
        changed = replace(part, files=files)
        manifests.keep(self._place, manifest.having(Part.CALLS, changed))
        drop_others(self._place, manifest.account, manifest.number, Part.CALLS, changed)

    def _calls(
        self, database: duckdb.DuckDBPyConnection, manifest: Manifest, spelled: Collection[str]
    ) -> Sequence[tuple[GatewayKind, str]]:
        part = manifest.parts.get(Part.CALLS)
        if part is None or Kind.CALLS not in part.files:
            return []
        file = self._place.fetch(part.files[Kind.CALLS].name)
        found = database.execute(
            "SELECT gateway, call_id FROM read_parquet(?) WHERE list_contains(?, caller)",
            [str(file), sorted(spelled)],
        ).fetchall()
        return [(GatewayKind(gateway), call) for gateway, call in found]
