"""What servers over one database tell each other, to be known before the next call.

That the configuration has changed, and of which numbers extensions are shown.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
    NumberShown,
    OpenAccount,
    SetStanding,
    ShowNumber,
    UnlistCaller,
)
from ringtrace.services.errors import RefusedError
from ringtrace.store.postgres.connection import AWAY, Connection

log = logging.getLogger(__name__)
_CONFIGURATION: Final = "ringtrace_configuration"
_EXTENSIONS: Final = "ringtrace_extensions"
_TOLD_AGAIN_MS: Final = 600_000
"""Little beside the day for which callers are asked (extension.ASK_MS)."""
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
    await connection.execute("SELECT pg_notify($1, $2)", _CONFIGURATION, speaker)


class ExtensionNews:
    """What one connection tells of the extensions that it has shown."""

    def __init__(self, speaker: str) -> None:
        self._speaker = speaker
        self._told: dict[str, int] = {}

    async def tell(
        self,
        connection: Connection,
        commands: Sequence[Command[Any]],
        results: Sequence[NumberShown | None],
    ) -> None:
        """Once they are committed; when that fails, the next one of the number is told."""
        news = {
            shown.number: command.at
            for command, shown in zip(commands, results, strict=True)
            if isinstance(command, ShowNumber) and shown is not None and shown.extension is not None
            if command.at - self._told.get(shown.number, 0) >= _TOLD_AGAIN_MS
        }
        if not news:
            return
        try:
            await connection.execute(
                "SELECT pg_notify($1, u.said) FROM unnest($2::text[]) u (said)",
                _EXTENSIONS,
                [f"{self._speaker} {number} {at}" for number, at in news.items()],
            )
        except AWAY as error:
            log.warning("extensions_untold error=%s", type(error).__name__)
        else:
            self._told |= news


@dataclass(frozen=True, slots=True)
class Ears:
    """Of a server, for everybody but the `speaker`, who is itself.

    `changed` hears that the configuration may have changed, `extension_shown` of a number and ms
    since 1970 UTC.
    """

    speaker: str
    changed: Callable[[], None]
    extension_shown: Callable[[str, int], None]

    def hear(self, channel: str, said: str) -> None:
        speaker, *news = said.split(" ")
        if speaker == self.speaker:
            return
        if channel == _CONFIGURATION:
            self.changed()
        else:
            number, at = news
            self.extension_shown(number, int(at))


async def listen(connect: Connect, ears: Ears) -> None:
    """Never ends.

    The configuration, which names the extensions shown lately, may also have changed after a time
    without a connection, because nobody knows what was missed.
    """
    while True:
        try:
            connection = await connect()
            try:
                await _hear(connection, ears)
            finally:
                connection.terminate()
        except AWAY as error:
            log.warning("configuration_unheard error=%s", type(error).__name__)
        await asyncio.sleep(_RETRY_SECONDS)


async def _hear(connection: "asyncpg.Connection[asyncpg.Record]", ears: Ears) -> None:
    def hear(_connection: object, _pid: int, channel: str, payload: object) -> None:
        ears.hear(channel, str(payload))

    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    for channel in (_CONFIGURATION, _EXTENSIONS):
        await connection.add_listener(channel, hear)
    # What was announced before this moment went unheard.
    ears.changed()
    while not lost.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), _CHECK_SECONDS)
        await connection.execute("SELECT 1")
