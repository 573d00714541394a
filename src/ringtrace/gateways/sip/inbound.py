"""The caller's side of a call."""

import logging
import time
from collections.abc import Callable
from typing import Any

from sippy.CCEvents import CCEventConnect, CCEventDisconnect, CCEventRing
from sippy.MsgBody import MsgBody
from sippy.UA import UA

from ringtrace.gateways.sip.booth import Booth
from ringtrace.gateways.sip.contact import our_contact
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.reply import refusal
from ringtrace.gateways.sip.session import MediaSession, Pickup

_log = logging.getLogger(__name__)


class Inbound:
    """Runs on the loop. The caller is answered once, by what he is to hear: us, or a target."""

    def __init__(
        self,
        exchange: Exchange,
        call: str,
        *,
        on_event: Callable[[Any, Any], None],
        on_silence: Callable[[], None],
        on_key: Callable[[str], None],
    ) -> None:
        self.ua = UA(exchange.config, on_event)
        self.ua.lContact = our_contact()
        self.media = MediaSession(exchange.relay, call, exchange.settings.public_ip, on_silence)
        self.booth = Booth(exchange.announcer, on_key)
        self._announcer = exchange.announcer
        self._metrics = exchange.metrics
        self._began = time.monotonic()
        self._has_rung = self._is_picked_up = self._is_answered = self._is_over = False

    def ring(self) -> None:
        """Tell that a target rings, to a caller who can still be told."""
        if self._has_rung or self._is_picked_up or self._is_answered:
            return
        self._is_set_up()
        self._has_rung = True
        self.ua.recvEvent(CCEventRing((180, "Ringing", None)))

    def pick_up(self, refused: Callable[[], None]) -> None:
        """Answer, if nobody has yet, and listen; `refused` when the relay has no port for it."""
        if self._is_picked_up or self._is_answered:
            return
        self._is_picked_up = True

        def picked_up(pickup: Pickup | None) -> None:
            if self._is_over:
                return
            if pickup is None:
                refused()
                return
            self.answer(pickup.answer)
            self.booth.open(pickup)

        self.media.pick_up(self._announcer.address, picked_up)

    def answer(self, description: str) -> None:
        """With 200, once: later descriptions of the same call are for somebody else to send."""
        if self._is_answered or self._is_over:
            return
        self._is_set_up()
        self._is_answered = True
        self.ua.recvEvent(CCEventConnect((200, "OK", MsgBody(description))))

    def _is_set_up(self) -> None:
        """The caller hears of his call: how long that took is measured once."""
        if not self._has_rung and not self._is_answered:
            self._metrics.setup.observe(time.monotonic() - self._began)

    def relay(self, event: Any) -> None:
        """Take what a caller says in the call who is alone with the node."""
        if self._is_answered:
            self.booth.relay(self.ua, self.media.caller, event)

    def end(self, code: int) -> None:
        """Hang up, or reject with `code` who was not answered yet."""
        self.leave()
        if self._is_answered:
            self.ua.recvEvent(CCEventDisconnect())
        else:
            self.ua.recvEvent(refusal(code))

    def leave(self) -> None:
        """The caller is gone, or is to hear nothing of us any more."""
        self._is_over = True
        self.booth.close()
