"""A database as one file, by PostgreSQL's own programs.

They are given the password through their environment, because everybody on the machine can read
the arguments of a program.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.copying import (
    DatabaseDamagedError,
    DatabaseNotEmptyError,
    ProgramMissingError,
)
from ringtrace.store.postgres.connection import AWAY, open_reading_connection
from ringtrace.store.postgres.migration import newest_version, version
from ringtrace.store.schema import SchemaNotReadyError

_CONNECT_SECONDS: Final = 5
_SAID_AT_MOST: Final = 500
_TABLES: Final = (
    "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = current_schema()::regnamespace"
)


def dump(url: str, target: Path, *, compressed: bool) -> int:
    """All of the database as of one moment, also while servers write to it.

    Returns the version of its schema. The dump is read once from end to end before it counts.
    Raises ProgramMissingError, DatabaseDamagedError, StoreAwayError, SchemaNotReadyError,
    ValueError (no such URL).
    """
    schema = _asked(_version(url))
    open_url, environment = _apart(url)
    _run(
        "pg_dump", f"--dbname={open_url}", "--format=custom", f"--file={target}", "--no-owner",
        "--no-privileges", "--lock-wait-timeout=10s", *([] if compressed else ["--compress=0"]),
        environment=environment,
    )  # fmt: skip
    _run("pg_restore", "--file=/dev/null", str(target))
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return schema


def see_empty(url: str, schema: int) -> None:
    """That a dump of that schema can be put into the database.

    Raises DatabaseNotEmptyError, DatabaseDamagedError (a newer schema), ProgramMissingError,
    StoreAwayError, ValueError (no such URL).
    """
    _program("pg_restore")
    if schema > newest_version():
        raise DatabaseDamagedError(
            f"schema {schema} is newer than this program's {newest_version()}"
        )
    if _asked(_tables(url)):
        raise DatabaseNotEmptyError("the database is not empty: restore to another one")


def put_back(url: str, source: Path) -> int:
    """All of the dump or nothing; returns the version of the schema.

    Raises ProgramMissingError, DatabaseDamagedError, StoreAwayError.
    """
    open_url, environment = _apart(url)
    _run(
        "pg_restore", f"--dbname={open_url}", "--single-transaction", "--no-owner",
        "--no-privileges", str(source), environment=environment,
    )  # fmt: skip
    return _asked(_version(url))


def _asked(asking: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(asking)
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error


async def _version(url: str) -> int:
    connection = await open_reading_connection(url)
    try:
        schema = await version(connection)
    finally:
        await connection.close()
    if not schema:
        raise SchemaNotReadyError("start `ringtrace serve` first")
    return schema


async def _tables(url: str) -> int:
    connection = await open_reading_connection(url)
    try:
        return int(await connection.fetchval(_TABLES))
    finally:
        await connection.close()


def _run(name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
    try:
        subprocess.run(  # noqa: S603 - our own arguments
            [_program(name), *words],
            env=os.environ | (environment or {}),
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())[:_SAID_AT_MOST]
        raise DatabaseDamagedError(f"{name}: {said}") from error


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ProgramMissingError(
            f"{name} is missing: install PostgreSQL's client programs, of the server's version or"
            " newer, or back the database up otherwise and use --without-database"
        )
    return found


def _apart(url: str) -> tuple[str, Mapping[str, str]]:
    """The URL without its password, and the environment that says it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    said = dict(query).get("password", unquote(password) if colon else None)
    kept = urlencode([one for one in query if one[0] != "password"])
    environment = {"PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS)}
    if said is not None:
        environment["PGPASSWORD"] = said
    return urlunsplit(parts._replace(netloc=f"{name}{at}{host}", query=kept)), environment
