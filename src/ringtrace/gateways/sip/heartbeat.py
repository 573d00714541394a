"""Tells the backend that the node is there, so that either notices that the other is not."""

import logging
import threading
from dataclasses import dataclass, field
from typing import Final, Protocol

_log = logging.getLogger(__name__)
_SECONDS: Final = 30.0


class Listener(Protocol):
    def say_alive(self) -> str: ...


@dataclass
class Heartbeat:
    """A thread of its own. Calls do not depend on it: a backend found away is asked again."""

    backend: Listener
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        before = "ok"
        while True:
            state = self.backend.say_alive()
            if state != before:
                level = logging.INFO if state == "ok" else logging.WARNING
                _log.log(level, "backend_state state=%s", state)
            before = state
            if self._stop.wait(_SECONDS):
                return
