"""An outgoing leg: one target, rung once."""

import ipaddress
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sippy.CCEvents import (
    CCEventConnect,
    CCEventDisconnect,
    CCEventFail,
    CCEventRedirect,
    CCEventRing,
    CCEventTry,
)
from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL
from sippy.UA import UA

from ringtrace.gateways.sip.loop import Loop, Timer

_log = logging.getLogger(__name__)
_TRYING = 100


@dataclass(frozen=True)
class Destination:
    """Request URI `uri`; messages go to `host`:`port`."""

    uri: str
    host: str
    port: int


def destination(target: str, outbound_proxy: str | None) -> Destination | None:
    """Where to send a call for `target`; `None` for a number when there is no outbound proxy."""
    if target.startswith("+"):
        if outbound_proxy is None:
            return None
        target = f"sip:{target}@{outbound_proxy}"
    url = SipURL(target)
    url.transport = None
    host, port = url.getAddr()
    return Destination(str(url), host, port)


class Resolver:
    """Host names to IPv4 addresses, off the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="resolve")

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """`done` gets the address on the loop, `None` when there is none."""
        try:
            done(str(ipaddress.IPv4Address(host)))
        except ValueError:
            self._threads.submit(self._look_up, host, done)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _look_up(self, host: str, done: Callable[[str | None], None]) -> None:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
            address: str | None = str(found[0][4][0])
        except (OSError, UnicodeError) as error:
            _log.warning("target_host_unresolved error=%s", type(error).__name__)
            address = None
        self._loop.post(lambda: done(address))


@dataclass(frozen=True)
class LegListener:
    """What the call wants to hear. After `failed` or `hung_up` nothing more comes.

    `answered` gets the target's description.
    """

    ringing: Callable[[], None]
    answered: Callable[[str], None]
    failed: Callable[[int], None]
    hung_up: Callable[[], None]
    in_call: Callable[[Any], None]


class Leg:
    """States: ringing, then answered or over. Runs on the loop.

    A target's host that says nothing at all is given up after `no_reply_seconds`, with 408.
    """

    def __init__(
        self,
        config: dict[str, Any],
        loop: Loop,
        listener: LegListener,
        *,
        no_reply_seconds: float,
    ) -> None:
        self._config = config
        self._listener = listener
        self._answered = False
        self.is_over = False
        self.ua: Any = None
        self._no_reply: Timer | None = loop.after(no_reply_seconds, lambda: self.give_up(408))

    def dial(
        self, to: Destination, address: str | None, *, caller_id: str, offer: str, max_forwards: int
    ) -> None:
        """Send the INVITE to `address`, the resolved host of `to`."""
        if self.is_over:
            return
        if address is None:
            self._fail(503)
            return
        self.ua = UA(self._config, self._on_event, nh_address=(address, to.port))
        invitation = _Invitation(
            (None, caller_id, None, MsgBody(offer), None, None), to, max_forwards
        )
        self.ua.recvEvent(invitation)

    def hang_up(self) -> None:
        """CANCEL or BYE, whatever the leg's state asks for; tells the listener nothing."""
        if self.is_over:
            return
        self._finish()
        if self.ua is not None:
            self.ua.recvEvent(CCEventDisconnect())

    def give_up(self, code: int) -> None:
        """Hang up and tell the listener that it failed with `code`."""
        self.hang_up()
        self._listener.failed(code)

    def _fail(self, code: int) -> None:
        self._finish()
        self._listener.failed(code)

    def _finish(self) -> None:
        self.is_over = True
        self._stop_waiting_for_reply()

    def _stop_waiting_for_reply(self) -> None:
        if self._no_reply is not None:
            self._no_reply.cancel()
            self._no_reply = None

    def _on_event(self, event: Any, _: Any) -> None:
        if self.is_over:
            return
        if self._answered:
            self._on_call_event(event)
            return
        if isinstance(event, CCEventRing):
            self._stop_waiting_for_reply()
            if event.getData()[0] > _TRYING:
                self._listener.ringing()
        elif isinstance(event, CCEventConnect):
            self._answered = True
            self._stop_waiting_for_reply()
            body = event.getData()[2]
            self._listener.answered("" if body is None else str(body))
        elif isinstance(event, CCEventFail | CCEventRedirect):
            self._fail(event.getData()[0])
        elif isinstance(event, CCEventDisconnect):
            self._fail(480)

    def _on_call_event(self, event: Any) -> None:
        if isinstance(event, CCEventDisconnect):
            self._finish()
            self._listener.hung_up()
            return
        self._listener.in_call(event)


class _Invitation(CCEventTry):  # type: ignore[misc] # sippy is untyped
    """sippy addresses an INVITE to the host it sends to; ours may go through a proxy."""

    def __init__(self, data: tuple[Any, ...], to: Destination, max_forwards: int) -> None:
        super().__init__(data)
        self._to = to
        self.max_forwards = max_forwards

    def onUacSetupComplete(self, uac: Any) -> None:  # noqa: N802 - sippy's name
        uac.rTarget = SipURL(self._to.uri)
        to = SipURL(self._to.uri)
        to.port = None
        uac.rUri = SipTo(address=SipAddress(url=to, hadbrace=True))
