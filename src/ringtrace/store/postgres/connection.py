"""Connections to one database, and what their failures mean.

Every statement has a time-out, on both sides: the server ends it after STATEMENT_SECONDS, and
after COMMAND_SECONDS nobody waits for a server that is gone without a word. Those who only read
have READING_SECONDS for both.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

RawConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 20.0
COMMAND_SECONDS: Final = 25.0
READING_SECONDS: Final = 300
WRITERS: Final = 2
DISTRIBUTED_WRITERS: Final = 8
"""Connections of a server: each takes the batches of one shard group after the other."""

NAME: Final = "ringtrace"
"""What our sessions are called."""

# A writer that stands still with locks in its hands would stop all others: it loses them.
_SETTINGS: Final = {
    "application_name": NAME,
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    # Nor does one who is gone without a word keep them for the two hours of a usual system.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    # Compiling a statement takes longer than running any of ours.
    "jit": "off",
    # The driver asks a connection what types are. Citus hides the shards of tables from those who
    # ask such things, each by a look of its own: seconds. Elsewhere the name means nothing.
    "citus.override_table_visibility": "off",
    # An answer is given when the disk has it, whatever the database's default.
    "synchronous_commit": "on",
}

READING: Final[Mapping[str, str]] = {
    "default_transaction_read_only": "on",
    # A plan that is kept may be from a time when a table was empty, and read all of it for a call.
    "plan_cache_mode": "force_custom_plan",
    "statement_timeout": f"{READING_SECONDS}s",
    # A read waits for the client between two statements of one moment only.
    "idle_in_transaction_session_timeout": f"{READING_SECONDS}s",
}

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)
"""The database does not answer, ends the connection, is full or no longer the primary."""

NOT_OURS: Final = (asyncpg.InsufficientPrivilegeError, asyncpg.DuplicateTableError)
"""The user may not make tables there, or another program has made its own."""


async def open_connection(url: str) -> RawConnection:
    """For one who listens or holds a lock. Raises one of AWAY, ValueError (no such URL)."""
    return await asyncpg.connect(
        url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, server_settings=_SETTINGS
    )


async def open_writer_pool(
    url: str, made: Callable[[RawConnection], Coroutine[Any, Any, None]], *, distributed: bool
) -> Pool:
    """For those who write in turn. Raises one of AWAY, ValueError (no such URL)."""
    if distributed:
        # A plan that is kept does not know the accounts at hand, and so not their node.
        return await open_pool(url, least=0, most=DISTRIBUTED_WRITERS, made=made)
    # Batches differ by their size alone, and big statements take longer to plan than to run.
    generic = {"plan_cache_mode": "force_generic_plan"}
    return await open_pool(url, least=0, most=WRITERS, settings=generic, made=made)


async def open_changing_connection(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """For a command that changes what is there; it takes its time. Raises as open_connection."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        server_settings={**_SETTINGS, "statement_timeout": "0"},
    )


async def open_paced_connection(url: str) -> RawConnection:
    """For a command that changes much, a little at a time. Raises as open_connection."""
    # A plan that is kept may be from a time when a table was empty.
    custom = {"plan_cache_mode": READING["plan_cache_mode"]}
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={**_SETTINGS, **custom},
    )


async def open_reading_connection(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """For one who reads what is long, in transactions of his own. Raises as open_connection."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        command_timeout=READING_SECONDS,
        server_settings={**_SETTINGS, **READING},
    )


async def open_pool(
    url: str,
    *,
    least: int = 1,
    most: int = 8,
    settings: Mapping[str, str] | None = None,
    command_seconds: float = COMMAND_SECONDS,
    made: Callable[[RawConnection], Coroutine[Any, Any, None]] | None = None,
) -> Pool:
    """Belongs to the event loop it is opened in; `made` is told of each of its connections.

    Raises one of AWAY, ValueError (no such URL).
    """
    return await asyncpg.create_pool(
        url,
        min_size=least,
        max_size=most,
        timeout=CONNECT_SECONDS,
        command_timeout=command_seconds,
        server_settings={**_SETTINGS, **(settings or {})},
        init=made,
        reset=_leave_as_it_is,
    )


async def _leave_as_it_is(_connection: Connection) -> None:
    """Nothing of ours outlives its transaction; asyncpg would ask the server to forget it."""
