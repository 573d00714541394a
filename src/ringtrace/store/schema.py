"""Numbered migrations, as files of a folder `migrations` beside a store."""

import re
from collections.abc import Iterable
from importlib.resources import files

_NAME = re.compile(r"(\d{4})_\w+\.sql").fullmatch
_END = re.compile(r";$", re.MULTILINE)
_TABLE = re.compile(r"^(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)", re.MULTILINE)


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


def tables(scripts: Iterable[str]) -> list[str]:
    """Those that the scripts make and leave standing, in the order in which they are made."""
    found: dict[str, None] = {}
    for script in scripts:
        for verb, name in _TABLE.findall(script):
            if verb == "CREATE":
                found[name] = None
            else:
                found.pop(name, None)
    return list(found)


def statements(script: str) -> list[str]:
    """One by one, without comments, which have lines of their own; each ends with its line."""
    said = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    return [one for part in _END.split(said) if (one := part.strip())]


def not_newer(version: int, known: int) -> None:
    """Raises SchemaTooNewError."""
    if version > known:
        raise SchemaTooNewError(f"schema {version} is newer than this program's {known}")


def ready(version: int, known: int) -> None:
    """Raises SchemaNotReadyError, SchemaTooNewError."""
    not_newer(version, known)
    if version < known:
        raise SchemaNotReadyError(f"schema {version} of {known}: start `ringtrace serve` first")
