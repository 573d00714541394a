"""Sends the outbox to the backend until it is empty: each report, and then its recording."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ringtrace.gateways.sip.backend import Delivery
from ringtrace.gateways.sip.durable import remove
from ringtrace.gateways.sip.metrics import Waiting
from ringtrace.gateways.sip.outgoing import OutgoingRecording, outgoing, take_back

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.05
_LONGEST_AWAY = 30.0  # between two looks whether the backend is back
_LONGEST_REFUSED = 300.0  # between two tries of a report that the backend does not want
_DAY = 86400.0


class Receiver(Protocol):
    def send_report(self, call: str, report: bytes) -> Delivery: ...
    def send_recording(self, call: str, recording: OutgoingRecording) -> Delivery: ...


class _Refusals:
    """Of one thread: what was refused is tried again, later each time."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, float]] = {}

    def add(self, call: str) -> None:
        count, _ = self._tries.get(call, (0, 0.0))
        pause = min(_FIRST_PAUSE * 2.0**count, _LONGEST_REFUSED)
        self._tries[call] = count + 1, time.monotonic() + pause
        _log.warning("delivery_refused call=%s tries=%d", call, count + 1)

    def forget(self, call: str) -> None:
        self._tries.pop(call, None)

    def is_due(self, call: str) -> bool:
        return self._tries.get(call, (0, 0.0))[1] <= time.monotonic()

    def pause(self) -> float:
        """Seconds until the next one is due."""
        now = time.monotonic()
        waits = (next_try - now for _, next_try in self._tries.values())
        return max(_SHORTEST_PAUSE, min(waits, default=_LONGEST_REFUSED))


@dataclass
class Sender:
    """Two threads of its own, so that no report waits for an upload that takes minutes.

    What is older than `keep_days` is given up, with an error in the log.
    """

    outbox: Path
    receiver: Receiver
    keep_days: int
    _news: threading.Event = field(default_factory=threading.Event)
    _recordings_due: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _reported: set[str] = field(default_factory=set)
    _refused_reports: _Refusals = field(default_factory=_Refusals)
    _refused_recordings: _Refusals = field(default_factory=_Refusals)
    _away: int = 0

    def start(self) -> None:
        for name, run in (("reports", self._run_reports), ("recordings", self._run_recordings)):
            threading.Thread(target=run, name=name, daemon=True).start()

    def wake(self) -> None:
        """There is something new to send."""
        self._news.set()

    def waiting(self) -> Waiting:
        """What the backend does not have yet; callable from any thread."""
        ages = []
        for call in self._waiting():
            with contextlib.suppress(FileNotFoundError):  # sent meanwhile
                ages.append(time.time() - (self.outbox / f"{call}.json").stat().st_mtime)
        return Waiting(len(ages), max(ages, default=0.0))

    def drain(self, timeout: float) -> bool:
        """Wait until the outbox is empty, `timeout` seconds at most; tells whether it is."""
        deadline = time.monotonic() + timeout
        while (left := self._waiting()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not left

    def stop(self) -> None:
        self._stop.set()
        self._news.set()
        self._recordings_due.set()

    def send_reports(self) -> float:
        """One round over the reports that are due; returns the seconds until the next one."""
        for call in self._waiting():
            if self._stop.is_set() or not self._refused_reports.is_due(call):
                continue
            delivery = _unless_broken(self._report, call)
            if delivery is Delivery.AWAY:
                return self._pause_away()
            _note(self._refused_reports, call, delivery)
        self._away = 0
        return self._refused_reports.pause()

    def send_recordings(self) -> float:
        """The same for recordings; a report without one is done with, too."""
        for call in self._waiting():
            if not self._stop.is_set() and self._refused_recordings.is_due(call):
                _note(self._refused_recordings, call, _unless_broken(self._recording, call))
        return self._refused_recordings.pause()

    def _run_reports(self) -> None:
        while not self._stop.is_set():
            pause = _unless_unreadable(self.send_reports)
            self._recordings_due.set()
            # With nobody there, news need not be tried at once.
            (self._stop if self._away else self._news).wait(pause)
            self._news.clear()

    def _run_recordings(self) -> None:
        while not self._stop.is_set():
            self._recordings_due.clear()
            self._recordings_due.wait(_unless_unreadable(self.send_recordings))

    def _waiting(self) -> list[str]:
        return sorted(path.stem for path in self.outbox.glob("*.json"))

    def _report(self, call: str) -> Delivery | None:
        try:
            if call in self._reported or self._is_given_up(call):
                return None
            report = (self.outbox / f"{call}.json").read_bytes()
        except FileNotFoundError:
            return None  # the other thread is done with the call
        delivery = self.receiver.send_report(call, report)
        if delivery is Delivery.TAKEN:
            self._reported.add(call)
        if delivery is Delivery.NOT_OURS:
            _log.warning("report_not_ours call=%s", call)
            self._discard(call)
        return delivery

    def _recording(self, call: str) -> Delivery | None:
        if call not in self._reported or self._is_given_up(call):
            return None
        recording = outgoing(self.outbox, call)
        delivery = (
            Delivery.TAKEN if recording is None else self.receiver.send_recording(call, recording)
        )
        if delivery is Delivery.TAKEN:
            self._discard(call)
        # One file that cannot be sent (too large for a proxy, say) must not hold up the others.
        return Delivery.LATER if delivery is Delivery.AWAY else delivery

    def _is_given_up(self, call: str) -> bool:
        age = time.time() - (self.outbox / f"{call}.json").stat().st_mtime
        if age <= self.keep_days * _DAY:
            return False
        _log.error("delivery_given_up call=%s age_days=%d", call, self.keep_days)
        self._discard(call)
        return True

    def _discard(self, call: str) -> None:
        # The report goes last: a recording on its own could not be sent any more.
        take_back(self.outbox, call)
        # And only then it is forgotten that it was reported, or the other thread would do so again.
        remove(self.outbox / f"{call}.json")
        self._reported.discard(call)

    def _pause_away(self) -> float:
        pause = min(_FIRST_PAUSE * 2.0**self._away, _LONGEST_AWAY)
        self._away = min(self._away + 1, 16)
        _log.warning("backend_away waiting=%d retry_seconds=%d", len(self._waiting()), pause)
        return pause


def _note(refusals: _Refusals, call: str, delivery: Delivery | None) -> None:
    if delivery is Delivery.LATER:
        refusals.add(call)
    elif delivery is not None:
        refusals.forget(call)


def _unless_broken(send: Callable[[str], Delivery | None], call: str) -> Delivery | None:
    """What goes wrong with one call must not end the thread that sends all the others."""
    try:
        return send(call)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        # Without the error's text: it may hold what the report says of the caller.
        _log.error("delivery_broken call=%s error=%s", call, type(error).__name__)
        return Delivery.LATER


def _unless_unreadable(send: Callable[[], float]) -> float:
    try:
        return send()
    except OSError as error:
        _log.error("outbox_unreadable error=%s", error.strerror)
        return _LONGEST_AWAY
