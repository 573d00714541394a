"""Where a party is alone with the node: it hears our sounds, and its keys are told."""

import logging
from collections.abc import Callable
from enum import Enum
from typing import Any

from sippy.CCEvents import CCEventConnect, CCEventFail, CCEventInfo, CCEventUpdate
from sippy.MsgBody import MsgBody

from ringtrace.gateways.sip.announcer import Announcer, Channel
from ringtrace.gateways.sip.dtmf import info_key
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.session import Pickup, Side
from ringtrace.gateways.sip.tones import Sound

_log = logging.getLogger(__name__)
_KEYS = frozenset("0123456789*#")


class KeyWay(Enum):
    """How a key came; some networks deliver each of them in two ways."""

    MEDIA = "media"
    INFO = "info"


class Booth:
    """Runs on the loop until `close`; `on_key` gets each key."""

    def __init__(self, announcer: Announcer, on_key: Callable[[str], None]) -> None:
        self._announcer = announcer
        self._on_key = on_key
        self._way: KeyWay | None = None
        self._channel: Channel | None = None
        self._waiting: tuple[Sound, Callable[[], None]] | None = None
        self._turn = 0
        self._is_closed = False

    def open(self, pickup: Pickup) -> None:
        """The party is reached now; what was to be played before is begun."""
        if self._is_closed:
            return
        self._channel = self._announcer.open(
            pickup.relay_port,
            pickup.codec,
            pickup.event_type,
            lambda key: self.key(key, KeyWay.MEDIA),
        )
        if self._waiting is not None:
            self._channel.play(*self._waiting)
            self._waiting = None

    def next_turn(self) -> int:
        """Stop what is played; a sound that is found for an earlier turn comes too late."""
        self._turn += 1
        self._waiting = None
        if self._channel is not None and not self._is_closed:
            self._channel.stop()
        return self._turn

    def play(self, turn: int, sound: Sound, finished: Callable[[], None]) -> None:
        """`finished` is called at its end, unless another turn has come before that."""
        if turn != self._turn or self._is_closed:
            return

        def ended() -> None:
            if turn == self._turn and not self._is_closed:
                finished()

        if self._channel is None:
            self._waiting = (sound, ended)
        else:
            self._channel.play(sound, ended)

    def key(self, key: str, way: KeyWay) -> None:
        # The way of the first key is the party's: a second one would double them.
        if self._is_closed or key not in _KEYS:
            return
        self._way = self._way or way
        if way is self._way:
            self._on_key(key)

    def relay(self, ua: Any, side: Side, event: Any) -> None:
        """Take what the party says in its dialogue: keys, a hold, a new address."""
        if isinstance(event, CCEventInfo):
            body = event.getData()
            if body is not None:
                self.key(info_key(body.getType(), str(body)), KeyWay.INFO)
        elif isinstance(event, CCEventUpdate):
            _renew(ua, side, event)

    def close(self) -> None:
        """Somebody else speaks to the party, or it is gone: no more sound, no more keys."""
        self._is_closed = True
        if self._channel is not None:
            self._channel.close()


def _renew(ua: Any, side: Side, event: Any) -> None:
    def renewed(text: str) -> None:
        if text:
            ua.recvEvent(CCEventConnect((200, "OK", MsgBody(text))))
        else:
            ua.recvEvent(CCEventFail((488, "Not Acceptable Here")))

    body = event.getData()
    try:
        side.renew("" if body is None else str(body), renewed)
    except SdpError as error:
        _log.info("renewal_refused error=%s", error)
        renewed("")
