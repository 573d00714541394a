"""What writes the commands of a batch: one handler for all commands of one kind in a row."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from ringtrace.services.commands import Command
from ringtrace.services.errors import RefusedError
from ringtrace.store.postgres.connection import Connection

C = TypeVar("C", bound=Command[Any])

Handler: TypeAlias = Callable[[Connection, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Called inside the batch's transaction with commands in the order in which they came.

Answers a result for each, or the RefusedError that its command ends with; such a command has
changed nothing. Whatever it raises ends the transaction.
"""

Handlers: TypeAlias = Mapping[type[Command[Any]], Handler]


def one_by_one(write: Callable[[Connection, C], Awaitable[object]]) -> Handler:
    """What is refused is undone."""

    async def handle(connection: Connection, commands: Sequence[C]) -> list[object]:
        results: list[object] = []
        for one in commands:
            try:
                async with connection.transaction():
                    results.append(await write(connection, one))
            except RefusedError as refused:
                results.append(refused)
        return results

    return handle
