"""Writing reports of calls, with the credits, proofs, notices and screenings that follow from them.

The rows of calls that are known are locked first; a call that is not is inserted, and where another
server was faster its row is locked and what came here is folded into it: one call, whoever hears
of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ringtrace.domain.attribution import Attribution
from ringtrace.domain.call import MergeResult, Report
from ringtrace.domain.notice import Delivery
from ringtrace.domain.proof import ProofKind
from ringtrace.services.commands import KeepReport
from ringtrace.services.errors import NotFoundError
from ringtrace.store import calls, rows
from ringtrace.store.credits import Key
from ringtrace.store.forgetting import without_forgotten
from ringtrace.store.postgres import (
    credits,  # noqa: A004 - what a call's shares are called
    notices,
    proofs,
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
from ringtrace.store.screenings import Told

_REPORTED = RowSet(
    {
        **CALL_KEY.types,
        **CALL_COLUMNS,
        "digits": "text",
        "flow": "text",
        "outcome": "text",
        "talk_seconds": "double precision",
        "report": "json",
    },
    3,
)
_KEEP = _REPORTED.inserted_into("calls") + ADDED
_CHANGE = (
    "UPDATE calls c SET number = u.number, caller = u.caller, started_at = u.started_at,"
    " spam = u.spam, basis = u.basis, model = u.model, unknown = u.unknown, repeat = u.repeat,"
    " shares = u.shares, digits = coalesce(u.digits, c.digits),"
    " flow = coalesce(u.flow, c.flow), outcome = u.outcome,"
    " talk_seconds = u.talk_seconds, report = u.report"
    f" FROM {_REPORTED.unnested} WHERE {_REPORTED.matching('c')}"
)

_RECEIVED = RowSet(
    {
        **CALL_KEY.types,
        "digest": "text",
        "received_at": "bigint",
        "accepted": "boolean",
        "report": "json",
    },
    4,
)
_ACCEPTED = (
    "SELECT r.account_id, r.gateway, r.call_id, r.digest"
    f" FROM call_reports r, {CALL_KEY.unnested} WHERE {CALL_KEY.matching('r')} AND r.accepted"
)
_RECEIVE = f"{_RECEIVED.inserted_into('call_reports')} DO NOTHING"


@dataclass(slots=True)
class _Folding:
    """The reports of one call, folded one after the other into what is known of it.

    `before` are the digests of the reports that were accepted earlier: a gateway that heard no
    answer sends one again, maybe after a later one of it.
    `accepted` is the newest that changed the call; `notices` are those of the reports with which
    it came to an outcome.
    """

    commands: Sequence[KeepReport]
    known: LockedCall | None
    before: Collection[str] = ()
    report: Report | None = None
    accepted: KeepReport | None = None
    notices: list[Delivery] = field(default_factory=list)
    results: list[MergeResult] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    received: dict[str, tuple[object, ...]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.report = self.known.report if self.known else None
        caller = self.known.caller if self.known else None
        for command in self.commands:
            self.results.append(self._take(without_forgotten(command, caller)))

    def _take(self, command: KeepReport) -> MergeResult:
        noted = self.known.number if self.known else None
        result, merged = calls.fold(self.report, noted, command.report)
        if result is MergeResult.UNCHANGED:
            return result
        accepted = result is not MergeResult.CONTRADICTS
        body = rows.text(command.report)
        digest = calls.digest(body)
        if not accepted and (digest in self.before or digest in self.taken):
            return MergeResult.UNCHANGED
        row = (*key_of(command), digest, command.received_at, accepted, body)
        self.received.setdefault(digest, row)
        if accepted:
            if calls.comes_to_outcome(self.report, merged):
                self.notices += command.notices
            self.taken.add(digest)
            self.report, self.accepted = merged, command
            self.told.append(Told(command.finding, merged, command.received_at))
        return result


async def _accepted(connection: Connection, known: Mapping[Key, LockedCall]) -> dict[Key, set[str]]:
    """By call the digests of its reports that were accepted."""
    reported = sorted(key for key, one in known.items() if one.report is not None)
    found: dict[Key, set[str]] = {}
    if reported:
        for *key, digest in await connection.fetch(_ACCEPTED, *CALL_KEY.arrays(reported)):
            account_id, gateway, call = key
            found.setdefault((account_id, gateway, call), set()).add(digest)
    return found


async def keep_reports(
    connection: Connection, commands: Sequence[KeepReport]
) -> Sequence[MergeResult | NotFoundError]:
    of_call: dict[Key, list[KeepReport]] = {}
    for command in commands:
        of_call.setdefault(key_of(command), []).append(command)
    known = await locked(connection, of_call)
    before = await _accepted(connection, known)
    folded = {
        key: _Folding(some, known.get(key), before.get(key, ())) for key, some in of_call.items()
    }
    fresh = {key: one for key, one in folded.items() if key not in known}
    added = await _add(connection, fresh)
    if len(added) < len(fresh):
        # Another server was faster.
        late = await locked(connection, fresh.keys() - added)
        before = await _accepted(connection, late)
        folded |= {
            key: _Folding(of_call[key], one, before.get(key, ())) for key, one in late.items()
        }
        known |= late
    changed = {key: one for key, one in folded.items() if key in known and one.accepted}
    screened = await screenings.known(connection, changed.keys())
    await _change(connection, changed, known, screened)
    kept = known.keys() | added
    await _keep_as_received(connection, (folded[key] for key in sorted(kept)))
    await proofs.keep(
        connection,
        {
            key: one.accepted.proof
            for key, one in folded.items()
            if key in kept and one.accepted and one.accepted.proof
        },
    )
    await _notify(connection, {key: folded[key] for key in kept})
    await screenings.follow(
        connection, {key: one.told for key, one in folded.items() if key in kept}, screened
    )
    results = {key: iter(one.results) for key, one in folded.items() if key in kept}
    return [
        next(results[key]) if (key := key_of(command)) in kept else _no_such_account()
        for command in commands
    ]


async def _add(connection: Connection, fresh: Mapping[Key, _Folding]) -> set[Key]:
    """Those that nobody else added meanwhile; the others are settled by now."""
    if not fresh:
        return set()
    said = {key: one.accepted.attribution for key, one in fresh.items() if one.accepted}
    found = await connection.fetch(_KEEP, *_REPORTED.arrays(_reported(fresh, said, {})))
    added = {tuple(key) for key in found}
    await credits.write(connection, {key: one for key, one in said.items() if key in added})
    return added


async def _change(
    connection: Connection,
    changed: Mapping[Key, _Folding],
    known: Mapping[Key, LockedCall],
    before: Mapping[Key, screenings.Known],
) -> None:
    """A report may know more than the one before; what users said is not its business."""
    if not changed:
        return
    said = await as_corrected(
        connection,
        {key: one.accepted.attribution for key, one in changed.items() if one.accepted},
        corrected(known),
    )
    await connection.execute(_CHANGE, *_REPORTED.arrays(_reported(changed, said, before)))
    await credits.drop(connection, changed.keys())
    await credits.write(connection, said)
    reported = [key for key in changed if known[key].report is not None]
    await proofs.drop(connection, reported, ProofKind.EXTENSION, ProofKind.TAP)


async def _keep_as_received(connection: Connection, folded: Iterable[_Folding]) -> None:
    received = [row for one in folded for row in one.received.values()]
    if received:
        await connection.execute(_RECEIVE, *_RECEIVED.arrays(received))


async def _notify(connection: Connection, folded: Mapping[Key, _Folding]) -> None:
    await notices.enqueue(connection, (told for one in folded.values() for told in one.notices))
    heard = [key for key, one in folded.items() if one.accepted and calls.has_audio(one.report)]
    await notices.audio_is_there(connection, heard)


def _reported(
    folded: Mapping[Key, _Folding],
    said: Mapping[Key, Attribution],
    before: Mapping[Key, screenings.Known],
) -> Iterator[tuple[object, ...]]:
    for key, one in sorted(folded.items(), key=lambda item: item[0]):
        report = one.report
        if report is not None:
            yield (
                *key, report.number, report.caller, report.started_at,
                screenings.is_spam(before.get(key, screenings.UNKNOWN), one.told),
                *said_columns(said[key]),
                report.digits, report.flow, report.outcome.value, report.talk_seconds,
                rows.text(report),
            )  # fmt: skip


def _no_such_account() -> NotFoundError:
    return NotFoundError("no such account", "account")


HANDLERS: Handlers = {KeepReport: keep_reports}
