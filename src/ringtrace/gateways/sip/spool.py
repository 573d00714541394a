"""What must not be lost: calls in progress, and what has to reach the backend.

    live/CALL.json      a call in progress, a line more at each step
    live/alive          touched every second: when the node was last alive
    media/CALL=*        packets of the recording under way
    outbox/CALL.json    a finished report, sent until the backend has taken it
    outbox/CALL.SHA256.wav (or .flac, .opus, .mp3)   its recording, sent after the report

A call moves from `live` to `outbox` in steps that may be repeated from the start after a crash
between any two of them. Files hold phone numbers and voices: only the node's user may read them.
"""

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import msgspec

from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip.capture import CaptureError, captured_files, discard_files
from ringtrace.gateways.sip.durable import TEMPORARY, append_line, remove, replace_file
from ringtrace.gateways.sip.encoder import Encoder
from ringtrace.gateways.sip.outgoing import put_out
from ringtrace.gateways.sip.record import CallRecord, report
from ringtrace.gateways.sip.recording import write_wav

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_DAMAGED = ".damaged"


class SpoolError(Exception):
    """The spool cannot be used; the message says why."""


class Spool:
    """Raises `SpoolError` when another node uses `folder`."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self._encoder = encoder
        self.outbox = folder / "outbox"
        self.media = folder / "media"
        self._live = folder / "live"
        self._alive = self._live / "alive"
        self._finished: Callable[[], None] = lambda: None
        self._jobs: SimpleQueue[CallRecord | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._worker = threading.Thread(target=self._run, name="spool", daemon=True)
        self._lock = claim(folder)
        for part in (self.outbox, self.media, self._live):
            part.mkdir(mode=0o700, exist_ok=True)

    def recover(self) -> int:
        """Take over what a dead node left; returns the number of its calls. Call before `start`."""
        left = sorted(self._live.glob("*.json"))
        calls = {path.stem for path in left}
        # Nobody knows what call it was, but somebody may find out: its sound stays.
        damaged = {path.stem for path in self._live.glob(f"*{_DAMAGED}")}
        last_alive = self._alive.stat().st_mtime if self._alive.exists() else 0.0
        for path in left:
            self._recover_call(path, last_alive)
        for path in self.media.iterdir():
            if path.name.partition("=")[0] not in calls | damaged:
                remove(path)
        for folder in (self.outbox, self._live):
            for path in folder.glob(f"*{TEMPORARY}"):
                remove(path)
        return len(calls)

    def start(self, finished: Callable[[], None]) -> None:
        """`finished` is called, in the spool's thread, when something new is in the outbox."""
        self._finished = finished
        self.touch()
        self._worker.start()

    def touch(self) -> None:
        """Say that the node is alive."""
        self._alive.touch(mode=0o600)

    def journal(self, record: CallRecord) -> None:
        """Keep the state of a call in progress; outlives the process, not the machine."""
        document = msgspec.json.encode(record)
        try:
            append_line(self._live / f"{record.call}.json", document)
        except OSError as error:
            # A full disk must not cost the call itself.
            _log.error("journal_failed call=%s error=%s", record.call, error.strerror)

    def forget(self, call: str) -> None:
        """The call was none of ours: nothing to report."""
        remove(self._live / f"{call}.json")

    def close_call(self, record: CallRecord) -> None:
        """The call has ended and its files are complete: make its report, in the background."""
        self._jobs.put(record)

    def stop(self, timeout: float) -> None:
        """Finish what was closed, at most `timeout` seconds long; the rest waits for the start."""
        self._jobs.put(None)
        self._worker.join(timeout)
        self._stopping.set()

    def _recover_call(self, path: Path, last_alive: float) -> None:
        record = _last_state(path.read_bytes())
        if record is None:
            _log.error("journal_damaged call=%s", path.stem)
            path.rename(path.with_suffix(_DAMAGED))
            return
        if record.result is None:
            record.lost(round(last_alive * 1_000))
            self.journal(record)
        self.close_call(record)

    def _run(self) -> None:
        while (record := self._jobs.get()) is not None:
            try:
                self._finish(record)
            except OSError as error:
                _log.error("report_not_kept call=%s error=%s", record.call, error.strerror)
                if self._stopping.wait(_RETRY_SECONDS):
                    return
                self._jobs.put(record)
            except Exception as error:  # noqa: BLE001 - one call must not end the thread of all
                # Without the error's text, as for others. What is kept of the call stays: the next
                # start tries again.
                _log.error("report_broken call=%s error=%s", record.call, type(error).__name__)

    def _finish(self, record: CallRecord) -> None:
        call = record.call
        seconds = self._keep_recording(call)
        document = msgspec.json.encode(report(record, seconds))
        replace_file(self.outbox / f"{call}.json", document)
        # The packets go last: with them gone, a repetition would report a call without recording.
        remove(self._live / f"{call}.json")
        discard_files(self.media, call)
        self._finished()

    def _keep_recording(self, call: str) -> float | None:
        wav, encoded = (self.outbox / f"{call}.{kind}{TEMPORARY}" for kind in ("wav", "encoded"))
        try:
            seconds = write_wav(*captured_files(self.media, call), wav)
        except CaptureError as error:
            _log.error("recording_damaged call=%s error=%s", call, error)
            seconds = None
        if seconds is None:
            remove(wav)
            return None
        if self._encoder.encode(wav, seconds, encoded):
            put_out(encoded, self.outbox, call, self._encoder.kind)
            remove(wav)
        else:
            put_out(wav, self.outbox, call, AudioFormat.WAV)
        return round(seconds, 3)


def _last_state(journal: bytes) -> CallRecord | None:
    """The last line that is whole: a full disk may have cut one short."""
    for line in reversed(journal.split(b"\n")):
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(line, type=CallRecord)
    return None


def claim(folder: Path) -> int:
    """Two nodes on one spool would take each other's calls for crashed ones.

    The claim holds while the descriptor that is returned is open. Raises `SpoolError`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SpoolError(f"spool_dir: {folder} is in use by another node") from None
    return descriptor
