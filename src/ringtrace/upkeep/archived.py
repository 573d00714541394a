"""Days that have rows in the lake alone, and whether it has them."""

import sqlite3
from collections.abc import Sequence

from ringtrace.bootstrap import LakeUnusableError, open_days, open_lake
from ringtrace.config import Settings
from ringtrace.domain.moment import day_name
from ringtrace.services.lake import Change
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake.manifest import ManifestInvalidError
from ringtrace.store.schema import SchemaNotReadyError


def archived_days(settings: Settings) -> Sequence[Change]:
    """None of a store of another schema.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError.
    """
    with open_days(settings, any_schema=True) as days:
        try:
            return [change for change in days.changes() if change.archived]
        except (sqlite3.OperationalError, SchemaNotReadyError):
            return []


def lost_days(settings: Settings, archived: Sequence[Change]) -> tuple[str, ...] | None:
    """Those that miss their manifest or a file; None when the lake cannot be reached."""
    if not archived:
        return ()
    try:
        place = open_lake(settings)
        names = {
            account_id: frozenset(place.names(f"{manifests.ROOT}/account={account_id}/"))
            for account_id in {one.account_id for one in archived}
        }
        return tuple(
            day_name(one.day)
            for one in archived
            if not _is_there(manifests.read(place, one.account_id, one.day), one, names)
        )
    except (LakeUnusableError, ManifestInvalidError, OSError):
        return None


def _is_there(
    manifest: manifests.Manifest, change: Change, names: dict[int, frozenset[str]]
) -> bool:
    part = manifest.parts.get(change.part)
    return part is not None and part.names <= names[change.account_id]
