"""Doing what no server may run beside."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from ringtrace.store.postgres.connection import NAME, Connection
from ringtrace.store.postgres.migration import changing

_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()"
)
_PARTING_SECONDS: Final = 1.0
"""Sessions of a program that has just ended take a moment to end, too."""

_LOOK_SECONDS: Final = 0.1


class DatabaseInUseError(ValueError):
    """Servers or commands of ours are connected to the database."""


@contextlib.asynccontextmanager
async def without_others(connection: Connection) -> AsyncIterator[None]:
    """No other session of ours is there, and no server starts: it waits until this is over.

    Raises DatabaseInUseError, and StoreAwayError as `changing`.
    """
    async with changing(connection):
        await _refuse_others(connection)
        yield


async def _refuse_others(connection: Connection) -> None:
    deadline = time.monotonic() + _PARTING_SECONDS
    while sessions := await connection.fetchval(_OTHERS, NAME):
        if time.monotonic() >= deadline:
            raise DatabaseInUseError(
                f"{sessions} sessions of servers or commands use the database: end them first"
            )
        await asyncio.sleep(_LOOK_SECONDS)
