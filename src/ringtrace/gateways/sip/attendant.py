"""Stands in for the target: answers the caller, asks for digits, plays ringback, says busy."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sippy.CCEvents import CCEventConnect, CCEventFail, CCEventInfo, CCEventUpdate
from sippy.MsgBody import MsgBody

from ringtrace.gateways.sip.announcer import Channel
from ringtrace.gateways.sip.dtmf import info_key
from ringtrace.gateways.sip.entry import DigitEntry, KeyWay
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.media import MediaSession, Pickup
from ringtrace.gateways.sip.plan import Collect
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.tones import Sound, Tones

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttendantListener:
    """What the call wants to hear.

    `refused`: the relay has no port to give. `keyed`: all digits so far, after each of them.
    `collected`: the entry is over, with all digits ("" for none).
    """

    refused: Callable[[], None]
    keyed: Callable[[str], None]
    collected: Callable[[str], None]
    abort: Callable[[], None]


class Attendant:
    """Runs on the loop, from `receive` until `leave`."""

    def __init__(
        self,
        exchange: Exchange,
        media: MediaSession,
        inbound: Any,
        tones: Tones,
        listener: AttendantListener,
    ) -> None:
        self._exchange = exchange
        self._media = media
        self._inbound = inbound
        self._listener = listener
        self._tones = tones
        self._channel: Channel | None = None
        self._entry: DigitEntry | None = None
        self._prompting = False
        self._gone = False

    @property
    def id(self) -> str:
        return self._media.call

    def abort(self) -> None:
        self._listener.abort()

    def receive(self, collect: Collect) -> None:
        """Answer the caller, play the prompt, which a key interrupts, and take the digits."""
        picked_up = functools.partial(self._picked_up, collect)
        self._media.pick_up(self._exchange.announcer.address, picked_up)

    def ring(self) -> None:
        """Let the caller hear that targets are rung."""
        self._play(self._tones.ringback)

    def regret(self, done: Callable[[], None]) -> None:
        """Busy tone, then `done`."""
        self._play(self._tones.busy, done)

    def relay(self, event: Any) -> None:
        """Take what the caller says in the call: keys, a hold, a new address."""
        if isinstance(event, CCEventInfo):
            body = event.getData()
            if body is not None:
                self._key(info_key(body.getType(), str(body)), KeyWay.INFO)
        elif isinstance(event, CCEventUpdate):
            self._renew(event)

    def leave(self) -> None:
        """A target has answered, or the call is over: no more sound, no more keys."""
        self._gone = True
        if self._entry is not None:
            self._entry.abandon()
        if self._channel is not None:
            self._channel.close()

    @guarded
    def _picked_up(self, collect: Collect, pickup: Pickup | None) -> None:
        if self._gone:
            return
        if pickup is None:
            self._listener.refused()
            return
        self._answer(pickup)
        self._entry = DigitEntry(
            self._exchange.loop,
            collect.digits,
            collect.seconds,
            keyed=self._listener.keyed,
            done=self._listener.collected,
        )
        self._prompting = True
        self._play(self._exchange.prompt, self._prompt_ended)

    def _answer(self, pickup: Pickup) -> None:
        self._channel = self._exchange.announcer.open(
            pickup.relay_port,
            pickup.codec,
            pickup.event_type,
            lambda key: self._key(key, KeyWay.MEDIA),
        )
        self._inbound.recvEvent(CCEventConnect((200, "OK", MsgBody(pickup.answer))))

    def _play(self, sound: Sound, finished: Callable[[], None] | None = None) -> None:
        if self._channel is not None and not self._gone:
            self._channel.play(sound, finished)

    @guarded
    def _prompt_ended(self) -> None:
        if self._prompting and self._entry is not None:
            self._prompting = False
            self._entry.wait()

    @guarded
    def _key(self, key: str, way: KeyWay) -> None:
        if not key or self._entry is None or self._gone:
            return
        if self._prompting and self._channel is not None:
            self._prompting = False
            self._channel.stop()
        self._entry.key(key, way)

    def _renew(self, event: Any) -> None:
        body = event.getData()
        try:
            self._media.renew("" if body is None else str(body), self._renewed)
        except SdpError as error:
            _log.info("renewal_refused call=%s error=%s", self.id, error)
            self._renewed("")

    @guarded
    def _renewed(self, text: str) -> None:
        if text:
            self._inbound.recvEvent(CCEventConnect((200, "OK", MsgBody(text))))
        else:
            self._inbound.recvEvent(CCEventFail((488, "Not Acceptable Here")))
