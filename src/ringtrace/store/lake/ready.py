"""After sealing: what reports find ready of an account's calls is made again where it is not so."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet, repeats, sums
from ringtrace.store.lake.manifest import SealedPart
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.putting import drop_others, put_made


def make_ready(place: Place, account_id: int, sites: Mapping[str, str], scratch: Path) -> int:
    """Of how many days something was made; `sites` are by number, `scratch` is for large sorts.

    Raises ManifestInvalidError, OSError.
    """
    known = {
        one.number: one
        for one in manifests.read_all(place, account_id)
        if Kind.CALLS in one.files_of(Part.CALLS)
    }
    files = {day: one.files_of(Part.CALLS)[Kind.CALLS].name for day, one in known.items()}
    moved = {
        day for day, one in known.items() if not _sums_hold(place, one.parts[Part.CALLS], sites)
    }
    stale = [
        day
        for day, one in known.items()
        if day in moved or not _repeats_hold(place, one.parts[Part.CALLS], day, files)
    ]
    if not stale:
        return 0
    read = [place.fetch(name) for day, name in files.items() if day <= max(stale)]
    with (
        tempfile.TemporaryDirectory(dir=scratch) as work,
        parquet.connect(Path(work)) as database,
    ):
        codes = sums.know_sites(database, sites)
        source = parquet.sealed_source(read)
        making = repeats.Making(database, source, stale, files, list(codes))
        for day in stale:
            part = known[day].parts[Part.CALLS]
            if day in moved:
                made = sums.encoded(database, {Kind.CALLS: place.fetch(files[day])})
                part = replace(
                    part, sums=put_made(place, account_id, Part.CALLS, day, "sums", made)
                )
            made = making.encoded(day)
            part = replace(
                part, repeats=put_made(place, account_id, Part.CALLS, day, "repeats", made)
            )
            manifests.keep(place, known[day].having(Part.CALLS, part))
            drop_others(place, account_id, day, Part.CALLS, part)
    return len(stale)


def _sums_hold(place: Place, part: SealedPart, sites: Mapping[str, str]) -> bool:
    return part.sums is not None and sums.of_calls(place.fetch(part.sums)).still_hold(sites)


def _repeats_hold(place: Place, part: SealedPart, day: int, files: Mapping[int, str]) -> bool:
    return part.repeats is not None and repeats.of_day(place.fetch(part.repeats)).still_hold(
        day, files
    )
