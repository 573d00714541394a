"""Writing calls: arrivals, reports, recordings, and the credits of each."""

import sqlite3

from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.domain.call import MergeResult, Report
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.services.commands import KeepAttribution, KeepReport, NoteArrival, NoteRecording
from ringtrace.store import calls, rows
from ringtrace.store.credits import Key, columns
from ringtrace.store.forgetting import without_forgotten
from ringtrace.store.sqlite import (
    credits,  # noqa: A004 - what a call's shares are called
    notices,
    proofs,
    screenings,
)
from ringtrace.store.sqlite.corrections import as_corrected

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


class CallWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def note_arrival(self, command: NoteArrival) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        added = self._connection.execute(
            "INSERT OR IGNORE INTO calls (account_id, gateway, call_id, number, caller, started_at,"
            " basis, model, unknown, repeat, digits, flow)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, command.number, command.caller, command.started_at,
             *columns(command.attribution), command.digits, command.flow),
        ).rowcount  # fmt: skip
        if added:
            credits.write(self._connection, key, command.attribution)
            screenings.keep(self._connection, key, command.finding)
        elif command.digits is not None:
            self._note_digits(key, command)

    def _note_digits(self, key: Key, command: NoteArrival) -> None:
        """The caller of a call that is noted already keyed an extension."""
        ringing = self._connection.execute(
            f"UPDATE calls SET digits = ?, flow = ? WHERE {_KEY} AND report IS NULL",
            (command.digits, command.flow, *key),
        ).rowcount
        if ringing:
            known = as_corrected(self._connection, key, command.attribution)
            credits.replace(self._connection, key, known)

    def keep_report(self, command: KeepReport) -> MergeResult:
        key = (command.account_id, command.gateway.value, command.call)
        row = self._connection.execute(f"SELECT caller FROM calls WHERE {_KEY}", key).fetchone()
        command = without_forgotten(command, row and row[0])
        known, noted = self._known(key)
        result, merged = calls.fold(known, noted, command.report)
        if result is MergeResult.CONTRADICTS and self._was_accepted(key, command.report):
            return MergeResult.UNCHANGED
        if result is MergeResult.UNCHANGED:
            return result
        self._keep_as_received(key, command, accepted=result is not MergeResult.CONTRADICTS)
        if result is not MergeResult.CONTRADICTS:
            if noted is not None:
                self._connection.execute(f"DELETE FROM credits WHERE {_KEY}", key)
            self._write(key, merged, as_corrected(self._connection, key, command.attribution))
            self._prove(key, command.proof)
            if calls.comes_to_outcome(known, merged):
                notices.enqueue(self._connection, command.notices)
            if calls.has_audio(merged):
                notices.audio_is_there(self._connection, key)
            screenings.keep(self._connection, key, command.finding)
            screenings.keep_passage(self._connection, key, merged, command.received_at)
        return result

    def _prove(self, key: Key, proof: Proof | None) -> None:
        """A report may know more than the one before; what users said is not its business."""
        for kind in (ProofKind.EXTENSION, ProofKind.TAP):
            proofs.drop(self._connection, key, kind)
        if proof is not None:
            proofs.keep(self._connection, key, proof)

    def keep_attribution(self, command: KeepAttribution) -> bool:
        key = (command.account_id, command.gateway.value, command.call)
        same = self._connection.execute(
            f"SELECT 1 FROM calls WHERE {_KEY} AND number = ? AND caller IS ? AND started_at = ?"
            " AND basis <> ?",
            (*key, command.number, command.caller, command.started_at, Basis.CORRECTED),
        ).fetchone()
        if same is None:
            return False
        credits.replace(self._connection, key, command.attribution)
        return True

    def note_recording(self, command: NoteRecording) -> bool:
        key = (command.account_id, command.gateway.value, command.call)
        updated = self._connection.execute(
            f"UPDATE calls SET audio_format = ?, audio_sha256 = ? WHERE {_KEY}",
            (command.audio.format.value, command.audio.sha256, *key),
        )
        notices.audio_is_there(self._connection, key)
        return updated.rowcount == 1

    def _known(self, key: Key) -> tuple[Report | None, str | None]:
        """The report and the number of a call; of one that is ringing only the number."""
        row = self._connection.execute(
            f"SELECT report, number FROM calls WHERE {_KEY}", key
        ).fetchone()
        if row is None:
            return None, None
        return (rows.report(row[0]) if row[0] else None), row[1]

    def _was_accepted(self, key: Key, report: Report) -> bool:
        """A gateway that heard no answer sends a report again, maybe after a later one of it."""
        row = self._connection.execute(
            f"SELECT accepted FROM call_reports WHERE {_KEY} AND digest = ?",
            (*key, calls.digest(rows.text(report))),
        ).fetchone()
        return row is not None and bool(row[0])

    def _keep_as_received(self, key: Key, command: KeepReport, *, accepted: bool) -> None:
        body = rows.text(command.report)
        self._connection.execute(
            "INSERT OR IGNORE INTO call_reports VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, calls.digest(body), command.received_at, accepted, body),
        )

    def _write(self, key: Key, report: Report, attribution: Attribution) -> None:
        self._connection.execute(
            "INSERT INTO calls (account_id, gateway, call_id, number, caller, started_at, basis,"
            " model, unknown, repeat, outcome, talk_seconds, report, digits, flow)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account_id, gateway, call_id) DO UPDATE SET number = excluded.number,"
            " caller = excluded.caller, started_at = excluded.started_at, basis = excluded.basis,"
            " model = excluded.model, unknown = excluded.unknown, repeat = excluded.repeat,"
            " outcome = excluded.outcome,"
            " talk_seconds = excluded.talk_seconds, report = excluded.report,"
            " digits = coalesce(excluded.digits, digits), flow = coalesce(excluded.flow, flow)",
            (
                *key, report.number, report.caller, report.started_at,
                *columns(attribution), report.outcome.value, report.talk_seconds,
                rows.text(report), report.digits, report.flow,
            ),
        )  # fmt: skip
        credits.write(self._connection, key, attribution)
