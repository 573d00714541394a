"""Writing calls: arrivals, recordings, and attributions that are made anew.

All commands of one kind in a batch are written together.
"""

from collections.abc import Mapping, Sequence

from ringtrace.domain.attribution import Basis
from ringtrace.services.commands import KeepAttribution, NoteArrival, NoteRecording
from ringtrace.store import screenings as screened
from ringtrace.store.credits import Key
from ringtrace.store.postgres import (
    credits,  # noqa: A004 - what a call's shares are called
    notices,
    screenings,
)
from ringtrace.store.postgres.call_rows import (
    ADDED,
    CALL_COLUMNS,
    LockedCall,
    corrected,
    key_of,
    locked,
    said_columns,
)
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.corrections import as_corrected
from ringtrace.store.postgres.handlers import Handlers
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet

_ARRIVED = RowSet({**CALL_KEY.types, **CALL_COLUMNS, "digits": "text", "flow": "text"}, 3)
_NOTE = _ARRIVED.inserted_into("calls") + ADDED

_FOLLOWS = RowSet({**CALL_KEY.types, "flow": "text"}, 3)
_FOLLOWED = (
    f"UPDATE calls c SET flow = u.flow FROM {_FOLLOWS.unnested} WHERE {_FOLLOWS.matching('c')}"
)

_AUDIO = RowSet({**CALL_KEY.types, "audio_format": "text", "audio_sha256": "text"}, 3)
_RECORDED = (
    "UPDATE calls c SET audio_format = u.audio_format, audio_sha256 = u.audio_sha256"
    f" FROM {_AUDIO.unnested} WHERE {_AUDIO.matching('c')}"
    " RETURNING c.account_id, c.gateway, c.call_id"
)


async def note_arrivals(connection: Connection, commands: Sequence[NoteArrival]) -> Sequence[None]:
    first: dict[Key, NoteArrival] = {}
    keyed: dict[Key, NoteArrival] = {}
    for command in commands:
        first.setdefault(key_of(command), command)
        if command.digits is not None:
            keyed[key_of(command)] = command
    said = {key: keyed.get(key, command) for key, command in first.items()}
    found = [
        (*key, one.number, one.caller, one.started_at,
         screened.is_spam_by(screened.found(one.finding), None),
         *said_columns(said[key].attribution), said[key].digits, said[key].flow)
        for key, one in sorted(first.items())
    ]  # fmt: skip
    added = {tuple(key) for key in await connection.fetch(_NOTE, *_ARRIVED.arrays(found))}
    await credits.write(
        connection, {key: one.attribution for key, one in said.items() if key in added}
    )
    acted = ((key, screened.found(first[key].finding)) for key in added)
    await screenings.keep(connection, {key: one for key, one in acted if one is not None})
    await _note_digits(connection, {key: one for key, one in keyed.items() if key not in added})
    return [None] * len(commands)


async def _note_digits(connection: Connection, keyed: Mapping[Key, NoteArrival]) -> None:
    """The callers of calls that are noted already keyed an extension."""
    if not keyed:
        return
    known = await locked(connection, keyed)
    ringing = {
        key: one.attribution
        for key, one in keyed.items()
        if key in known and known[key].report is None
    }
    await credits.replace(
        connection,
        await as_corrected(connection, ringing, corrected(known)),
        {key: one.digits for key, one in keyed.items()},
    )
    # What he keyed may lead past the number's flow.
    follows = [(*key, keyed[key].flow) for key in sorted(ringing)]
    if follows:
        await connection.execute(_FOLLOWED, *_FOLLOWS.arrays(follows))


async def keep_attributions(
    connection: Connection, commands: Sequence[KeepAttribution]
) -> Sequence[bool]:
    known = await locked(connection, {key_of(command) for command in commands})
    same = [_is_of(command, known.get(key_of(command))) for command in commands]
    anew = {
        key_of(command): command.attribution
        for command, kept in zip(commands, same, strict=True)
        if kept
    }
    await credits.replace(connection, anew)
    return same


def _is_of(command: KeepAttribution, known: LockedCall | None) -> bool:
    return (
        known is not None
        and known.basis != Basis.CORRECTED
        and (known.number, known.caller, known.started_at)
        == (command.number, command.caller, command.started_at)
    )


async def note_recordings(
    connection: Connection, commands: Sequence[NoteRecording]
) -> Sequence[bool]:
    newest = {key_of(command): command.audio for command in commands}
    files = [(*key, one.format.value, one.sha256) for key, one in newest.items()]
    known = {tuple(key) for key in await connection.fetch(_RECORDED, *_AUDIO.arrays(files))}
    await notices.audio_is_there(connection, newest)
    return [key_of(command) in known for command in commands]


HANDLERS: Handlers = {
    NoteArrival: note_arrivals,
    KeepAttribution: keep_attributions,
    NoteRecording: note_recordings,
}
