"""The database of a backup: a copy of the file, or a dump of the database that servers share."""

from pathlib import Path
from typing import Final, Protocol

from ringtrace.bootstrap import database_errors
from ringtrace.config import Settings
from ringtrace.store.sqlite.snapshot import check, snapshot

FILE: Final = "ringtrace.db"
DUMP: Final = "ringtrace.dump"


class DatabaseCopy(Protocol):
    """`name` is that of the copy, in the archive and in the folder it is made or found in.

    Both raise what the store's own copying raises, StoreAwayError, DatabaseUnusableError, OSError.
    """

    @property
    def name(self) -> str: ...

    def take(self, folder: Path, *, compressed: bool) -> int:
        """Of one moment, checked; returns the version of the schema."""
        ...

    def expect(self, schema: int) -> None:
        """See that a copy with that schema can be put back."""
        ...

    def put_back(self, folder: Path) -> None:
        """Whole or not at all."""
        ...


class FileCopy:
    name = FILE

    def __init__(self, database: Path) -> None:
        self._database = database

    def take(self, folder: Path, *, compressed: bool) -> int:  # noqa: ARG002 - the archive is
        return snapshot(self._database, folder / self.name)

    def expect(self, schema: int) -> None:
        """The copy itself says what it is."""

    def put_back(self, folder: Path) -> None:
        """It is in its place already."""
        check(folder / self.name)


class DumpCopy:
    name = DUMP

    def __init__(self, url: str) -> None:
        self._url = url

    def take(self, folder: Path, *, compressed: bool) -> int:
        with database_errors():
            from ringtrace.store.postgres.dump import dump  # noqa: PLC0415 - an extra

            return dump(self._url, folder / self.name, compressed=compressed)

    def expect(self, schema: int) -> None:
        with database_errors():
            from ringtrace.store.postgres.dump import see_empty  # noqa: PLC0415 - an extra

            see_empty(self._url, schema)

    def put_back(self, folder: Path) -> None:
        with database_errors():
            from ringtrace.store.postgres.dump import put_back  # noqa: PLC0415 - an extra

            put_back(self._url, folder / self.name)
        (folder / self.name).unlink()


def copy_of(settings: Settings) -> DatabaseCopy:
    if settings.database_url is None:
        return FileCopy(settings.database)
    return DumpCopy(settings.database_url)
