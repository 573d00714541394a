"""Keeps up what a trunk wants to hear from us between calls: registration and OPTIONS."""

import logging
from typing import Any

from ringtrace.gateways.sip.loop import Loop, Timer
from ringtrace.gateways.sip.request import Requester
from ringtrace.gateways.sip.resolver import Resolver
from ringtrace.gateways.sip.trunk import Route

_log = logging.getLogger(__name__)
_RETRY = 30.0  # seconds after a registration that failed
_STALLED = 60.0  # an answer that cannot be read must not be the end of it
_SHORTEST = 5.0
_PATIENCE = 5.0  # for the answer to an OPTIONS
_OK = 200
_TOO_BRIEF = 423
_TIMED_OUT = 408
_UNAVAILABLE = 503


class Registration:
    """Runs on the loop from `start` until `stop`."""

    def __init__(
        self, config: dict[str, Any], loop: Loop, resolver: Resolver, route: Route
    ) -> None:
        self._loop = loop
        self._route = route
        self._host = route.trunk.host
        self._seconds = route.trunk.register_seconds
        self._requester = Requester(config, resolver, route.trunk)
        self._timer: Timer | None = None
        self._has_stopped = False

    def start(self) -> None:
        if self._has_stopped:
            return
        self._again(_STALLED)
        self._requester.send("REGISTER", self._answered, self._seconds)

    def stop(self) -> None:
        """Say goodbye; nobody waits for the answer."""
        self._has_stopped = True
        self._route.is_registered = False
        if self._timer is not None:
            self._timer.cancel()
        self._requester.send("REGISTER", _nothing, 0)

    def _answered(self, response: Any) -> None:
        if self._has_stopped:
            return
        code = 0 if response is None else response.getSCode()[0]
        if code // 100 == _OK // 100:
            granted = _granted(response, self._seconds)
            self._route.is_registered = True
            _log.info("trunk_registered host=%s seconds=%d", self._host, granted)
            # Well before it runs out: a lost packet must not cost a call.
            self._again(max(_SHORTEST, granted * 0.8 - 1))
            return
        if code == _TOO_BRIEF:
            self._seconds = max(self._seconds + 1, _minimum(response))
            self._again(0.1)
            return
        self._route.is_registered = False
        _log.error("trunk_registration_failed host=%s code=%d", self._host, code)
        self._again(_RETRY)

    def _again(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.after(seconds, self.start)


class KeepAlive:
    """Asks a trunk by OPTIONS whether it is there, and notes that in its route."""

    def __init__(
        self, config: dict[str, Any], loop: Loop, resolver: Resolver, route: Route
    ) -> None:
        self._config = config
        self._loop = loop
        self._resolver = resolver
        self._route = route

    def start(self) -> None:
        waiting = [True]

        def settle(is_up: bool) -> None:
            if not waiting:
                return
            waiting.clear()
            timer.cancel()
            if is_up is not self._route.is_up:
                self._route.is_up = is_up
                _log.warning("trunk_up=%s host=%s", is_up, self._route.trunk.host)

        def answered(response: Any) -> None:
            code = _TIMED_OUT if response is None else response.getSCode()[0]
            settle(code not in {_TIMED_OUT, _UNAVAILABLE})

        timer = self._loop.after(_PATIENCE, lambda: settle(False))
        Requester(self._config, self._resolver, self._route.trunk).send("OPTIONS", answered)
        self._loop.after(self._route.trunk.keep_alive_seconds, self.start)


def _granted(response: Any, asked: int) -> int:
    """For how long, in seconds: what our Contact says, else the whole answer, else as asked."""
    for contact in response.getHFBodys("contact"):
        expires = contact.address.params.get("expires")
        if expires is not None and str(expires).isdigit():
            return int(expires)
    for header in response.getHFBodys("expires"):
        return int(header.getNum())
    return asked


def _minimum(response: Any) -> int:
    for header in response.getHFBodys("min-expires"):
        text = str(header).strip()
        if text.isdigit():
            return int(text)
    return 0


def _nothing(_: Any) -> None:
    """The answer does not matter."""
