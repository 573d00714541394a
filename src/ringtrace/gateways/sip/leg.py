"""An outgoing leg: one target, rung once."""

import functools
from collections.abc import Callable
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
from sippy.SipDiversion import SipDiversion
from sippy.SipHeader import SipHeader
from sippy.SipPAssertedIdentity import SipPAssertedIdentity
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL
from sippy.UA import UA

from ringtrace.domain.flow import is_phone
from ringtrace.gateways.sip.contact import our_contact
from ringtrace.gateways.sip.loop import Loop, Timer
from ringtrace.gateways.sip.trunk import Trunk

_TRYING = 100
_CHALLENGES = frozenset({401, 407})


@dataclass(frozen=True)
class Destination:
    """Request URI `uri`; messages go to `host`:`port`."""

    uri: str
    host: str
    port: int


def destination(target: str, trunk: Trunk | None) -> Destination:
    """Where to send a call for `target`: a `sip:` URI, or a number, for which `trunk` is needed."""
    if trunk is not None:
        target = f"sip:{trunk.dialled(target)}@{trunk.host}"
    url = SipURL(target)
    url.transport = None
    host, port = url.getAddr() if trunk is None else trunk.next_hop
    return Destination(str(url), host, port)


@dataclass(frozen=True)
class Identity:
    """Who calls, as a target is told: `caller_id`, asserted to trunks alone.

    `number` is the one that was called, and has diverted the call where it is not the caller id.
    """

    caller_id: str
    number: str
    trunk: Trunk | None

    def headers(self) -> tuple[SipHeader, ...]:
        if self.trunk is None or not is_phone(self.caller_id):
            return ()
        asserted = SipPAssertedIdentity(address=self._address(self.caller_id))
        if self.number == self.caller_id or not is_phone(self.number):
            return (SipHeader(body=asserted),)
        diversion = SipDiversion(address=self._address(self.number))
        diversion.address.setParam("reason", "unconditional")
        return (SipHeader(body=asserted), SipHeader(body=diversion))

    def _address(self, number: str) -> SipAddress:
        host = None if self.trunk is None else self.trunk.domain
        url = SipURL(username=number, host=host)
        url.port = url.transport = None
        return SipAddress(url=url, hadbrace=True)


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
        self._loop = loop
        self._listener = listener
        self._answered = False
        self.is_over = False
        self.ua: Any = None
        self._no_reply: Timer | None = loop.after(no_reply_seconds, lambda: self.give_up(408))

    def dial(
        self,
        to: Destination,
        address: str | None,
        *,
        identity: Identity,
        offer: str,
        max_forwards: int,
    ) -> None:
        """Send the INVITE to `address`, the resolved host of `to`."""
        if self.is_over:
            return
        if address is None:
            self._fail(503)
            return
        self.ua = _Agent(self._config, self._loop, self._on_event, (address, to.port), max_forwards)
        if identity.trunk is not None and identity.trunk.username is not None:
            self.ua.setAuth(identity.trunk.username, identity.trunk.password)
        invitation = _Invitation(
            (None, identity.caller_id, None, MsgBody(offer), None, None), to, identity
        )
        self.ua.recvEvent(invitation)

    def hang_up(self) -> None:
        """CANCEL or BYE, whatever the leg's state asks for; tells the listener nothing."""
        if self.is_over:
            return
        self._finish()
        if self.ua is not None:
            # A challenge that is on its way must not make the phone ring anew.
            self.ua.username = None
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


class _Agent(UA):  # type: ignore[misc] # sippy is untyped
    """sippy forgets Max-Forwards when it answers a challenge, and answers it before its ACK."""

    def __init__(
        self,
        config: dict[str, Any],
        loop: Loop,
        on_event: Any,
        to: tuple[str, int],
        max_forwards: int,
    ) -> None:
        super().__init__(config, on_event, nh_address=to)
        self.lContact = our_contact()
        self._loop = loop
        self._max_forwards = max_forwards

    def recvResponse(self, resp: Any, tr: Any) -> None:  # noqa: N802 - sippy's name
        # The ACK leaves when this has returned; trunks may insist on having it first.
        take = functools.partial(super().recvResponse, resp, tr)
        if resp.getSCode()[0] in _CHALLENGES:
            self._loop.post(take)
        else:
            take()

    def genRequest(  # noqa: N802 - sippy's name
        self,
        method: str,
        body: Any = None,
        cqop: Any = None,
        extra_headers: Any = None,
        max_forwards: Any = None,
    ) -> Any:
        hops = self._max_forwards if method == "INVITE" else max_forwards
        return super().genRequest(method, body, cqop, extra_headers, hops)


class _Invitation(CCEventTry):  # type: ignore[misc] # sippy is untyped
    """sippy addresses an INVITE to the host it sends to; ours may go through a proxy."""

    def __init__(self, data: tuple[Any, ...], to: Destination, identity: Identity) -> None:
        super().__init__(data)
        self._to = to
        self._domain = None if identity.trunk is None else identity.trunk.domain
        self.extra_headers = identity.headers()

    def onUacSetupComplete(self, uac: Any) -> None:  # noqa: N802 - sippy's name
        uac.rTarget = SipURL(self._to.uri)
        to = SipURL(self._to.uri)
        to.port = None
        uac.rUri = SipTo(address=SipAddress(url=to, hadbrace=True))
        if self._domain is not None:
            uac.lUri.address.url.host = self._domain
