"""Marking calls as spam, and what of calls is held against their callers."""

from collections.abc import Sequence

from ringtrace.services.commands import MarkSpam
from ringtrace.services.spam_records import CallsFrom, SpamMark, WatchedCall
from ringtrace.store import screenings, spam
from ringtrace.store.corrections import no_such_call
from ringtrace.store.postgres import marks
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet, of_account, storable
from ringtrace.store.postgres.screenings import kept
from ringtrace.store.rows import Row

_CALLER = (
    "SELECT c.caller FROM calls c WHERE c.account_id = $1 AND c.gateway = $2 AND c.call_id = $3"
)
_OF_CALLER = (
    "SELECT c.account_id, c.gateway, c.call_id FROM calls c"
    f" WHERE c.account_id = $1 AND c.caller = $2 {spam.NEWEST_FIRST} LIMIT {spam.MOST_MARKED}"
)
_CALLS_FROM = spam.CALLS_FROM.format("$1", "$2", "$3", "$4")
_LOCK = (
    f"SELECT 1 FROM calls c JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('c')}"
    " ORDER BY c.account_id, c.gateway, c.call_id FOR UPDATE OF c"
)
_MARKS = RowSet(
    {**CALL_KEY.types, "marked_at": "bigint", "spam": "boolean", "marked_by": "text"}, 4
)
_MARK = f"{_MARKS.inserted_into('spam_marks')} DO NOTHING"
_SETTLED = RowSet({**CALL_KEY.types, "spam": "boolean"}, 3)
_SETTLE = (
    f"UPDATE calls c SET spam = u.spam FROM {_SETTLED.unnested} WHERE {_SETTLED.matching('c')}"
)


async def mark(connection: Connection, command: MarkSpam) -> None:
    """Raises NotFoundError."""
    key = (command.account_id, command.gateway.value, storable(command.call))
    found = await connection.fetchrow(_CALLER, *key)
    if found is None:
        raise no_such_call()
    keys = {key}
    if command.every:
        newest = await connection.fetch(_OF_CALLER, command.account_id, found[0])
        keys |= {tuple(one) for one in newest}
    await connection.execute(_LOCK, *CALL_KEY.arrays(sorted(keys)))
    known = await kept(connection, keys)
    if command.spam is None and screenings.mark(known[key][1]) is None:
        raise spam.nothing_to_take_back()
    marked = {
        one: (screened, said)
        for one, (screened, said) in sorted(known.items())
        if command.spam is not None or screenings.mark(said)
    }
    made = {one: _made(command, said) for one, (_, said) in marked.items()}
    await connection.execute(_MARK, *_MARKS.arrays((*one, *made[one]) for one in marked))
    settled = (
        (*one, screenings.is_spam_by(screenings.screening(screened), _said(made[one])))
        for one, (screened, _) in marked.items()
    )
    await connection.execute(_SETTLE, *_SETTLED.arrays(settled))
    await marks.mark(connection, marked.keys(), ())


def _made(command: MarkSpam, newest: Row | None) -> tuple[int, bool | None, str | None]:
    """marked_at, spam, marked_by; of one millisecond the later one counts."""
    after = 0 if newest is None else 1 + newest[1]
    return max(command.marked_at, after), command.spam, command.marked_by


def _said(made: tuple[int, bool | None, str | None]) -> SpamMark | None:
    at, said, by = made
    return None if said is None else SpamMark(said, at, by)


async def watched_calls(
    connection: Connection,
    account_id: int,
    since: int,
    spam_since: int,
    most: int,
    caller: str | None,
) -> Sequence[WatchedCall]:
    whom = () if caller is None else (caller,)
    held = await connection.fetch(_watched("c.spam", *whom), account_id, spam_since, most, *whom)
    recent = await connection.fetch(_watched("TRUE", *whom), account_id, since, most, *whom)
    return spam.watched(held, recent)


def _watched(condition: str, *whom: str) -> str:
    of_one = " AND c.caller = $4" if whom else ""
    return (
        f"SELECT {of_account(spam.WATCHED_COLUMNS)} FROM calls c WHERE c.account_id = $1"
        f" AND c.started_at >= $2 AND c.caller IS NOT NULL AND {condition}{of_one}"
        f" {spam.NEWEST_FIRST} LIMIT $3"
    )


async def calls_from(
    connection: Connection, account_id: int, beginning: str, since: int
) -> CallsFrom:
    span = spam.beginning(beginning)
    calls, callers = (await connection.fetch(_CALLS_FROM, account_id, *span, since))[0]
    return CallsFrom(calls, callers)


HANDLERS: Handlers = {MarkSpam: one_by_one(mark)}
