"""A target's side of a call: one leg, its media, and what it hears before it is connected."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringtrace.domain.cues import Call as Dialling
from ringtrace.gateways.sip.booth import Booth
from ringtrace.gateways.sip.bridge import Bridge
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.inbound import Inbound
from ringtrace.gateways.sip.leg import Leg, LegListener, destination
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.session import MediaSession, Pickup, Side, link

_log = logging.getLogger(__name__)
_NOT_ACCEPTABLE = 488
_NO_PORT = 503
_NO_PROXY = 500


@dataclass(frozen=True)
class OutboundListener:
    """What the call wants to hear; after `failed` or `hung_up` nothing more comes."""

    ringing: Callable[[], None]
    answered: Callable[[], None]
    failed: Callable[[int], None]
    hung_up: Callable[[], None]
    key: Callable[[str], None]


class Outbound:
    """Runs on the loop.

    A target that is alone with the caller shares the media session of the call. One with a line
    of its `own` can be spoken to before it hears the caller, and rung beside others.
    """

    def __init__(
        self, exchange: Exchange, caller: Inbound, listener: OutboundListener, *, own: str | None
    ) -> None:
        self._exchange = exchange
        self._caller = caller
        self._listener = listener
        self._answer = ""
        self._bridge: Bridge | None = None
        self._own: MediaSession | None = None
        if own is not None:
            public_ip = exchange.settings.public_ip
            self._own = MediaSession(exchange.relay, own, public_ip, self._fallen_silent)
        self.booth = Booth(exchange.announcer, listener.key)
        self._leg = Leg(
            exchange.config,
            exchange.loop,
            LegListener(
                ringing=listener.ringing,
                answered=self._answered,
                failed=self._failed,
                hung_up=self._hung_up,
                in_call=self._on_event,
            ),
            no_reply_seconds=exchange.settings.no_reply_seconds,
        )

    @property
    def _side(self) -> Side:
        return self._caller.media.agent if self._own is None else self._own.agent

    def dial(self, call: Dialling, max_forwards: int) -> None:
        if self._own is None:
            self._invite(call, max_forwards)
            return

        def placed(taken: bool) -> None:
            if not taken:
                self._leg.give_up(_NO_PORT)
            elif not self._leg.is_over:
                self._invite(call, max_forwards)

        self._own.caller.audio = self._caller.media.caller.offered
        self._own.place(self._own.caller, *self._exchange.announcer.address, placed)

    def join(self, done: Callable[[bool], None]) -> None:
        """Let the caller and this target, which has answered, hear each other."""
        self._caller.booth.close()
        self.booth.close()
        main = self._caller.media

        def connected(text: str) -> None:
            if self._leg.is_over:
                return
            if text:
                agent = (self._leg.ua, self._side)
                self._bridge = Bridge((self._caller.ua, main.caller), agent)
                self._caller.answer(text)
            done(bool(text))

        if self._own is None:
            main.agent.answer(self._answer, connected)
            return

        def linked(taken: bool) -> None:
            connected(main.caller.description() if taken else "")

        link(self._exchange.relay, main, self._own, linked)

    def relay(self, event: Any) -> None:
        """Take what the caller who is connected with this target says in the call."""
        if self._bridge is not None:
            self._bridge.relay("caller", event)

    def hang_up(self) -> None:
        """CANCEL or BYE; the listener hears no more of it."""
        self._leg.hang_up()
        self._close()

    def _invite(self, call: Dialling, max_forwards: int) -> None:
        to = destination(call.target.to, self._exchange.settings.outbound_proxy)
        if to is None:
            _log.error("outbound_proxy_missing")
            self._leg.give_up(_NO_PROXY)
            return
        self._exchange.resolver.resolve(
            to.host,
            lambda address: self._leg.dial(
                to,
                address,
                caller_id=call.caller_id,
                offer=self._side.description(),
                max_forwards=max_forwards,
            ),
        )

    def _answered(self, text: str) -> None:
        try:
            self._take(text)
        except SdpError as error:
            _log.info("answer_refused error=%s", error)
            self._leg.give_up(_NOT_ACCEPTABLE)

    def _take(self, text: str) -> None:
        if self._own is None:
            self._side.accepted(text)
            self._answer = text
            self._listener.answered()
        else:
            self._own.agent.answer(text, self._placed)

    def _placed(self, description: str) -> None:
        if self._leg.is_over or self._own is None:
            return
        if not description:
            self._leg.give_up(_NO_PORT)
            return
        audio = self._own.agent.offered
        self.booth.open(Pickup(description, self._own.caller.port, audio.codec, audio.events))
        self._listener.answered()

    def _on_event(self, event: Any) -> None:
        if self._bridge is not None:
            self._bridge.relay("agent", event)
        else:
            self.booth.relay(self._leg.ua, self._side, event)

    def _fallen_silent(self) -> None:
        if not self._leg.is_over:
            self.hang_up()
            self._listener.hung_up()

    def _failed(self, code: int) -> None:
        self._close()
        self._listener.failed(code)

    def _hung_up(self) -> None:
        self._close()
        self._listener.hung_up()

    def _close(self) -> None:
        self.booth.close()
        if self._own is not None:
            self._own.close(_nothing)


def _nothing() -> None:
    """The ports of a line of its own are all there is to free."""
