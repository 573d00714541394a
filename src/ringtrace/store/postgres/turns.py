"""Jobs that one of the servers over a database does at a time.

Whose turn it is says a lock of the session, which ends with its connection: a server that is gone
keeps nobody from the job.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres.connection import AWAY


@contextlib.asynccontextmanager
async def alone(
    connect: Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]], job: str
) -> AsyncIterator[bool]:
    """As `ports.Store.alone`."""
    try:
        connection = await connect()
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error
    try:
        yield await _taken(connection, job)
    finally:
        try:
            with contextlib.suppress(*AWAY):
                await connection.execute("SELECT pg_advisory_unlock_all()")
        finally:
            connection.terminate()


async def _taken(connection: "asyncpg.Connection[asyncpg.Record]", job: str) -> bool:
    try:
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _lock(job)))
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error


def _lock(job: str) -> int:
    """A number that stands for the job on every server: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256(job.encode()).digest()[:8], signed=True)
