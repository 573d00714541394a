"""Numbered migrations, as files of a folder `migrations` beside a store."""

import re
from importlib.resources import files

_NAME = re.compile(r"(\d{4})_\w+\.sql").fullmatch


class SchemaTooNewError(RuntimeError):
    """The data was written by a newer Ringtrace."""


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
