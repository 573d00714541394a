"""Numbered migrations, as files of a folder `migrations` beside a store."""

import re
from importlib.resources import files

_NAME = re.compile(r"(\d{4})_\w+\.sql").fullmatch


class SchemaTooNewError(RuntimeError):
    """The data was written by a newer Ringtrace."""


class SchemaNotReadyError(RuntimeError):
    """Nothing is kept there yet, or by an older program: a server that starts makes it ready."""


def steps(package: str) -> list[str]:
    """The scripts of the package's store, the first one first."""
    folder = files(package) / "migrations"
    scripts = {int(m[1]): one for one in folder.iterdir() if (m := _NAME(one.name))}
    if sorted(scripts) != list(range(1, len(scripts) + 1)):
        raise RuntimeError("migrations are not numbered without gaps")
    return [scripts[number].read_text("utf-8") for number in sorted(scripts)]


def not_newer(version: int, known: int) -> None:
    """Raises SchemaTooNewError."""
    if version > known:
        raise SchemaTooNewError(f"schema {version} is newer than this program's {known}")


def ready(version: int, known: int) -> None:
    """Raises SchemaNotReadyError, SchemaTooNewError."""
    not_newer(version, known)
    if version < known:
        raise SchemaNotReadyError(f"schema {version} of {known}: start `ringtrace serve` first")
