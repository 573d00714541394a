"""Days as one: those that are sealed as the store has them, and those that the store must tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from ringtrace.domain.moment import day_name
from ringtrace.services.lake import DayRows, Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake.manifest import SealedFile
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.seal import RowsLostError, is_sealed


@dataclass(frozen=True, slots=True)
class Span:
    """`sealed` by day and kind; of the `open` days the store says something else, or more.

    Of open days that are `archived` it says only what else there is: what these files have is to
    be told as well (store/lake/parquet.others_source). `sums` and `repeats` by day are names of
    files (store/lake/sums.py, repeats.py).
    """

    sealed: Mapping[int, Mapping[Kind, SealedFile]]
    open: frozenset[int]
    archived: Mapping[int, Mapping[Kind, SealedFile]]
    sums: Mapping[int, str]
    repeats: Mapping[int, str]

    def files(self, kind: Kind) -> list[SealedFile]:
        """Oldest day first."""
        return [self.sealed[day][kind] for day in sorted(self.sealed) if kind in self.sealed[day]]


def span(
    rows: DayRows, place: Place, account_id: int, part: Part,
    since: int | None = None, until: int | None = None,
) -> Span:  # fmt: skip
    """The days [since, until), since 1970 UTC. Ask inside a snapshot of `rows`.

    Raises ManifestInvalidError, RowsLostError, OSError.
    """

    def is_asked(day: int) -> bool:
        return (since is None or day >= since) and (until is None or day < until)

    changes = {
        one.day: one for one in rows.changes(account_id) if one.part is part and is_asked(one.day)
    }
    sealed, archived, sums, repeats = {}, {}, {}, {}
    for manifest in manifests.read_all(place, account_id, since, until):
        known = manifest.parts.get(part)
        if known is None:
            continue
        change = changes.get(manifest.number)
        # A day that only the lake knows has left the store.
        if change is None or is_sealed(manifest, change):
            sealed[manifest.number] = known.files
            if known.sums is not None:
                sums[manifest.number] = known.sums
            if known.repeats is not None:
                repeats[manifest.number] = known.repeats
        elif change.archived:
            archived[manifest.number] = known.files
    lost = [
        day for day, one in changes.items()
        if one.archived and day not in sealed and day not in archived
    ]  # fmt: skip
    if lost:
        raise RowsLostError(", ".join(day_name(day) for day in sorted(lost)))
    return Span(sealed, frozenset(changes.keys() - sealed.keys()), archived, sums, repeats)
