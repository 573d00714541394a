"""What marks a day as changed since it was sealed."""

import random
from typing import Any, Final

from ringtrace.services import commands
from ringtrace.services.commands import Command
from ringtrace.store.credits import Key

_OF_CALLS: Final = (
    commands.NoteArrival,
    commands.KeepReport,
    commands.NoteRecording,
    commands.KeepAttribution,
    commands.KeepCorrection,
    commands.TakeBackCorrection,
    commands.MarkSpam,
)


def call_of(command: Command[Any]) -> Key | None:
    """The call that a command changes.

    Its day is marked before the command is carried out as well as afterwards: a report may know
    better when the call began.
    """
    if isinstance(command, _OF_CALLS):
        return command.account_id, command.gateway.value, command.call
    return None


def new_mark() -> int:
    """64 bits, signed, that no day has had before."""
    return random.getrandbits(64) - (1 << 63)
