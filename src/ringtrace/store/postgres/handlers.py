"""What writes the commands of a batch: one handler for all commands of one kind in a row."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ringtrace.services.commands import Command
from ringtrace.store.postgres.connection import Connection

Handler: TypeAlias = Callable[[Connection, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Called inside the batch's transaction with commands in the order in which they came.

Answers a result for each, or the RefusedError that its command ends with; such a command has
changed nothing. Whatever it raises ends the transaction.
"""

Handlers: TypeAlias = Mapping[type[Command[Any]], Handler]
