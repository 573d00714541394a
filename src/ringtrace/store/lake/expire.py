"""Whole days of the lake that are kept no longer are deleted."""

from ringtrace.services.lake import Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.putting import drop_others


def expired(place: Place, account_id: int, part: Part, before: int) -> list[manifests.Manifest]:
    """Days before the day `before` (since 1970 UTC) that have this part, oldest first.

    Raises ManifestInvalidError, OSError.
    """
    known = manifests.read_all(place, account_id, until=before)
    return [manifest for manifest in known if part in manifest.parts]


def expire(place: Place, account_id: int, part: Part, before: int) -> int:
    """Returns how many days it were. Hold the lake's lock meanwhile.

    First nobody believes the files any more, then they go. Raises ManifestInvalidError, OSError.
    """
    gone = expired(place, account_id, part, before)
    for manifest in gone:
        others = manifest.having(part, None)
        if others.parts:
            manifests.keep(place, others)
        else:
            place.delete(manifest.name)
        drop_others(place, account_id, manifest.number, part, None)
    if gone:
        manifests.clear(place, account_id)
    return len(gone)
