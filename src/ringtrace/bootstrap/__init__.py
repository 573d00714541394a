"""The only composition root: what is made of what."""

from ringtrace.bootstrap.failures import CANNOT_START
from ringtrace.bootstrap.house import DataFolderInUseError, House, open_house
from ringtrace.bootstrap.places import (
    LakeUnusableError,
    RecordingsUnusableError,
    open_lake,
    open_recordings,
)
from ringtrace.bootstrap.stores import (
    AccountUnknownError,
    DatabaseUnusableError,
    NoDataError,
    StoreDamagedError,
    StoreInUseError,
    changing_lake,
    database_errors,
    distribute,
    inspected,
    open_days,
    open_forgetting,
    open_importing,
    open_leaving,
    open_reader,
    open_retention,
    see_account,
)

__all__ = [
    "CANNOT_START",
    "AccountUnknownError",
    "DataFolderInUseError",
    "DatabaseUnusableError",
    "House",
    "LakeUnusableError",
    "NoDataError",
    "RecordingsUnusableError",
    "StoreDamagedError",
    "StoreInUseError",
    "changing_lake",
    "database_errors",
    "distribute",
    "inspected",
    "open_days",
    "open_forgetting",
    "open_house",
    "open_importing",
    "open_lake",
    "open_leaving",
    "open_reader",
    "open_recordings",
    "open_retention",
    "see_account",
]
