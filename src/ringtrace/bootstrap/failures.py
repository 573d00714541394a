"""What keeps a server from starting that an operator can do something about."""

from typing import Final

from ringtrace.bootstrap.house import DataFolderInUseError
from ringtrace.bootstrap.places import LakeUnusableError, RecordingsUnusableError
from ringtrace.bootstrap.stores import DatabaseUnusableError
from ringtrace.services.errors import StoreAwayError

CANNOT_START: Final = (
    DataFolderInUseError,
    DatabaseUnusableError,
    LakeUnusableError,
    RecordingsUnusableError,
    StoreAwayError,
    OSError,
)
