"""Servers over one database tell each other that the configuration has changed."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import asyncpg

from ringtrace.domain.screening import Passage, passage
from ringtrace.services.commands import (
    AddToken,
    ApplySetup,
    Command,
    DropSound,
    KeepModel,
    KeepReport,
    KeepSecret,
    KeepSound,
    KeepTry,
    ListCallers,
    OpenAccount,
    SetStanding,
    UnlistCaller,
)
from ringtrace.services.errors import RefusedError
from ringtrace.store.postgres.connection import AWAY, Connection

log = logging.getLogger(__name__)
_CHANNEL: Final = "ringtrace_configuration"
_RETRY_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 15.0

Connect: TypeAlias = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]

_CONFIGURING: Final = (
    OpenAccount,
    ApplySetup,
    AddToken,
    KeepModel,
    KeepSound,
    DropSound,
    ListCallers,
    UnlistCaller,
    KeepSecret,
    SetStanding,
)


def configures(command: Command[Any], result: object) -> bool:
    """Whether the command, which ended so, has changed what the others keep in memory."""
    if isinstance(result, RefusedError):
        return False
    if isinstance(command, KeepTry):
        # It stopped the recipient.
        return bool(result)
    if isinstance(command, KeepReport):
        # A caller who passed the gate is on the list from then on.
        finding = command.finding
        return finding is not None and passage(finding.rule, command.report) is Passage.PASSED
    return isinstance(command, _CONFIGURING)


async def announce(connection: Connection, speaker: str) -> None:
    """Heard by all others once the transaction is committed."""
    await connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, speaker)


async def listen(connect: Connect, speaker: str, changed: Callable[[], None]) -> None:
    """Calls `changed` when somebody but `speaker` may have changed the configuration; never ends.

    Also after a time without a connection, because nobody knows what was missed.
    """
    while True:
        try:
            connection = await connect()
            try:
                await _hear(connection, speaker, changed)
            finally:
                connection.terminate()
        except AWAY as error:
            log.warning("configuration_unheard error=%s", type(error).__name__)
        await asyncio.sleep(_RETRY_SECONDS)


async def _hear(
    connection: "asyncpg.Connection[asyncpg.Record]", speaker: str, changed: Callable[[], None]
) -> None:
    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload != speaker:
            changed()

    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    await connection.add_listener(_CHANNEL, hear)
    # What was announced before this moment went unheard.
    changed()
    while not lost.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), _CHECK_SECONDS)
        await connection.execute("SELECT 1")
