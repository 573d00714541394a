"""A target's side of a call: one leg, its media, and what it hears before it is connected."""

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ringtrace.domain.attempt import FULL
from ringtrace.domain.cues import Call as Dialling
from ringtrace.domain.flow import is_phone
from ringtrace.gateways.sip.booth import Booth
from ringtrace.gateways.sip.bridge import Bridge
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.inbound import Inbound
from ringtrace.gateways.sip.leg import Identity, Leg, LegListener, destination
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.session import MediaSession, Pickup, Side, link
from ringtrace.gateways.sip.trunk import Route, Trunk

_log = logging.getLogger(__name__)
_NOT_ACCEPTABLE = 488
_NO_PORT = 503
_NO_TRUNK = 500
_NO_CHANNEL = 503
_TRUNK_AWAY = frozenset({408, 503})


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

    The only target of a call shares the call's media session. One with a line of its `own` can
    be spoken to before it hears the caller, and what it sends before or after its turn (early
    media, the last packets before a BYE) disturbs nobody.
    """

    def __init__(
        self, exchange: Exchange, caller: Inbound, listener: OutboundListener, *, own: str | None
    ) -> None:
        self._exchange = exchange
        self._caller = caller
        self._listener = listener
        self._answer = ""
        self._leg: Leg | None = None
        self._route: Route | None = None
        self._is_over = self._has_rung = False
        self._leave: Callable[[], None] = _nothing
        self._bridge: Bridge | None = None
        self._own: MediaSession | None = None
        if own is not None:
            public_ip = exchange.settings.public_ip
            self._own = MediaSession(exchange.relay, own, public_ip, self._fallen_silent)
        self.booth = Booth(exchange.announcer, listener.key)

    @property
    def _side(self) -> Side:
        return self._caller.media.agent if self._own is None else self._own.agent

    def dial(self, call: Dialling, of: str, number: str, max_forwards: int) -> None:
        """Ring the target of the call `of`, to `number`, if it takes one more."""
        identity = functools.partial(Identity, call.caller_id, number)
        invite = functools.partial(self._choose, call.target.to, identity, max_forwards)
        if call.target.most_calls is None:
            self._place(invite)
            return
        room = self._exchange.room
        self._leave = functools.partial(room.leave, of, call.leg)

        def answered(free: bool) -> None:
            if self._is_over:
                return
            if free:
                self._place(invite)
            else:
                self._fail(FULL)

        room.take(of, call.leg, call.target, answered)

    def _place(self, invite: Callable[[], None]) -> None:
        """Once there are ports for a line of its own."""
        if self._own is None:
            invite()
            return

        def placed(taken: bool) -> None:
            if not taken:
                self._fail(_NO_PORT)
            elif not self._is_over:
                invite()

        self._own.caller.audio = self._caller.media.caller.offered
        self._own.place(self._own.caller, *self._exchange.announcer.address, placed, ours=True)

    def join(self, done: Callable[[bool], None]) -> None:
        """Let the caller and this target, which has answered, hear each other."""
        self._caller.booth.close()
        self.booth.close()
        main = self._caller.media

        def connected(text: str) -> None:
            if self._is_over or self._leg is None:
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
        if self._leg is not None:
            self._leg.hang_up()
        self._close()

    def _choose(
        self, target: str, identity: Callable[[Trunk | None], Identity], max_forwards: int
    ) -> None:
        routes: list[Route | None] = [None]
        if is_phone(target):
            routes = list(self._exchange.routes.in_order())
        if is_phone(target) and not self._exchange.routes.all:
            _log.error("trunk_missing")
            self._fail(_NO_TRUNK)
            return
        self._invite(target, identity, max_forwards, routes)

    def _invite(
        self,
        target: str,
        identity: Callable[[Trunk | None], Identity],
        max_forwards: int,
        routes: Sequence[Route | None],
    ) -> None:
        """By the first of the routes; a trunk that is away or full leaves it to the next one."""
        if not routes:
            self._fail(_NO_CHANNEL)
            return
        route, *others = routes
        self._take_channel(route)

        def failed(code: int) -> None:
            if code in _TRUNK_AWAY and others and not self._has_rung:
                _log.warning("trunk_passed_over code=%d", code)
                self._invite(target, identity, max_forwards, others)
            else:
                self._fail(code)

        trunk = None if route is None else route.trunk
        to = destination(target, trunk)
        leg = self._leg = self._new_leg(failed)
        self._exchange.resolver.resolve(
            to.host,
            lambda address: leg.dial(
                to,
                address,
                identity=identity(trunk),
                offer=self._side.description(),
                max_forwards=max_forwards,
            ),
        )

    def _new_leg(self, failed: Callable[[int], None]) -> Leg:
        return Leg(
            self._exchange.config,
            self._exchange.loop,
            LegListener(
                ringing=self._ringing,
                answered=self._answered,
                failed=failed,
                hung_up=self._hung_up,
                in_call=self._on_event,
            ),
            no_reply_seconds=self._exchange.settings.no_reply_seconds,
        )

    def _take_channel(self, route: Route | None) -> None:
        if self._route is not None:
            self._route.calls -= 1
        self._route = route
        if route is not None:
            route.calls += 1

    def _ringing(self) -> None:
        self._has_rung = True
        self._listener.ringing()

    def _answered(self, text: str) -> None:
        self._has_rung = True
        try:
            self._take(text)
        except SdpError as error:
            _log.info("answer_refused error=%s", error)
            self._give_up(_NOT_ACCEPTABLE)

    def _take(self, text: str) -> None:
        if self._own is None:
            self._side.accepted(text)
            self._answer = text
            self._listener.answered()
        else:
            self._own.agent.answer(text, self._placed)

    def _placed(self, description: str) -> None:
        if self._is_over or self._own is None:
            return
        if not description:
            self._give_up(_NO_PORT)
            return
        audio = self._own.agent.offered
        self.booth.open(Pickup(description, self._own.caller.port, audio.codec, audio.events))
        self._listener.answered()

    def _on_event(self, event: Any) -> None:
        if self._bridge is not None:
            self._bridge.relay("agent", event)
        elif self._leg is not None:
            self.booth.relay(self._leg.ua, self._side, event)

    def _fallen_silent(self) -> None:
        if not self._is_over:
            self.hang_up()
            self._listener.hung_up()

    def _give_up(self, code: int) -> None:
        self.hang_up()
        self._listener.failed(code)

    def _fail(self, code: int) -> None:
        self._close()
        self._listener.failed(code)

    def _hung_up(self) -> None:
        self._close()
        self._listener.hung_up()

    def _close(self) -> None:
        self._is_over = True
        self._leave()
        self._take_channel(None)
        self.booth.close()
        if self._own is not None:
            self._own.close(_nothing)


def _nothing() -> None:
    """There is nothing else to free."""
