"""Sends the outbox to the backend until it is empty: reports first, then recordings."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ringtrace.gateways.sip.backend import Delivery
from ringtrace.gateways.sip.durable import remove

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.05
_LONGEST_AWAY = 30.0  # between two looks whether the backend is back
_LONGEST_REFUSED = 300.0  # between two tries of a report that the backend does not want
_DAY = 86400.0


class Receiver(Protocol):
    def send_report(self, call: str, report: bytes) -> Delivery: ...
    def send_recording(self, call: str, wav: Path) -> Delivery: ...


@dataclass
class _Refusals:
    count: int = 0
    next_try: float = 0.0


@dataclass
class Sender:
    """A thread of its own; what is older than `keep_days` is given up, with an error in the log."""

    outbox: Path
    receiver: Receiver
    keep_days: int
    _wake: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _reported: set[str] = field(default_factory=set)
    _refusals: dict[str, _Refusals] = field(default_factory=dict)
    _away: int = 0
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def drain(self, timeout: float) -> bool:
        """Wait until the outbox is empty, `timeout` seconds at most; tells whether it is."""
        deadline = time.monotonic() + timeout
        while (left := self._waiting()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not left

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()

    def send_all(self) -> float:
        """One round over everything that is due; returns the seconds until the next one."""
        calls = self._waiting()
        for call in calls:
            if self._stop.is_set() or not self._due(call):
                continue
            if not self._note(call, self._report(call)):
                return self._pause_away()
        for call in calls:
            if not self._stop.is_set() and self._due(call):
                self._note(call, self._recording(call))
        self._away = 0
        return self._pause_refused()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self.send_all()
            except OSError as error:
                _log.error("outbox_unreadable error=%s", error.strerror)
                pause = _LONGEST_AWAY
            # With nobody there, news need not be tried at once.
            (self._stop if self._away else self._wake).wait(pause)
            self._wake.clear()

    def _waiting(self) -> list[str]:
        return sorted(path.stem for path in self.outbox.glob("*.json"))

    def _due(self, call: str) -> bool:
        refusals = self._refusals.get(call)
        return refusals is None or refusals.next_try <= time.monotonic()

    def _report(self, call: str) -> Delivery | None:
        path = self.outbox / f"{call}.json"
        if call in self._reported:
            return None
        if time.time() - path.stat().st_mtime > self.keep_days * _DAY:
            _log.error("report_given_up call=%s age_days=%d", call, self.keep_days)
            self._discard(call)
            return None
        delivery = self.receiver.send_report(call, path.read_bytes())
        if delivery is Delivery.TAKEN:
            self._reported.add(call)
        if delivery is Delivery.NOT_OURS:
            _log.warning("report_not_ours call=%s", call)
            self._discard(call)
        return delivery

    def _recording(self, call: str) -> Delivery | None:
        if call not in self._reported:
            return None
        wav = self.outbox / f"{call}.wav"
        delivery = self.receiver.send_recording(call, wav) if wav.exists() else Delivery.TAKEN
        if delivery is Delivery.TAKEN:
            self._discard(call)
        # One file that cannot be sent (too large for a proxy, say) must not hold up the others.
        return Delivery.LATER if delivery is Delivery.AWAY else delivery

    def _note(self, call: str, delivery: Delivery | None) -> bool:
        """False when nobody is there and the round should end."""
        if delivery is Delivery.AWAY:
            return False
        if delivery is Delivery.LATER:
            refusals = self._refusals.setdefault(call, _Refusals())
            pause = min(_FIRST_PAUSE * 2.0**refusals.count, _LONGEST_REFUSED)
            refusals.count += 1
            refusals.next_try = time.monotonic() + pause
            _log.warning("delivery_refused call=%s tries=%d", call, refusals.count)
        elif delivery is not None:
            self._refusals.pop(call, None)
        return True

    def _discard(self, call: str) -> None:
        # The report goes last: a recording on its own could not be sent any more.
        remove(self.outbox / f"{call}.wav")
        remove(self.outbox / f"{call}.json")
        self._reported.discard(call)
        self._refusals.pop(call, None)

    def _pause_away(self) -> float:
        pause = min(_FIRST_PAUSE * 2.0**self._away, _LONGEST_AWAY)
        self._away = min(self._away + 1, 16)
        _log.warning("backend_away waiting=%d retry_seconds=%d", len(self._waiting()), pause)
        return pause

    def _pause_refused(self) -> float:
        now = time.monotonic()
        tries = (refusals.next_try - now for refusals in self._refusals.values())
        return max(_SHORTEST_PAUSE, min(tries, default=_LONGEST_REFUSED))
