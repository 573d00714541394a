"""Speaks to parties that are alone with the node, and listens for their keys.

The relay takes the announcer for the far side of such a party, whose address, port and codec stay
as they are when somebody else takes its place. One thread and one socket for all of them; the
relay's port tells them apart.
"""

import functools
import itertools
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

from ringtrace.gateways.sip.dtmf import KeyReader
from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.rtp import RtpWriter, parse
from ringtrace.gateways.sip.tones import Sound, silence

_log = logging.getLogger(__name__)
_PERIOD = 0.02
_LATE = 0.2  # further behind than this, the missing packets are left out
_RECEIVE_BUFFER = 1 << 20
_DATAGRAM = 2048
_BATCH = 500  # received in a row; then it is time to see whether something is to be sent


class Channel:
    """One party's sound and keys. Packets flow from `Announcer.open` on until `close`."""

    def __init__(
        self, announcer: "Announcer", relay_port: int, codec: int, keys: KeyReader
    ) -> None:
        self.relay_port = relay_port
        self._announcer = announcer
        self._codec = codec
        self._silence = silence(codec)
        self._keys = keys
        self._writer = RtpWriter()
        self._frames: Iterator[bytes] = iter(())
        self._finished: Callable[[], None] = _nothing

    def play(self, sound: Sound, finished: Callable[[], None] | None = None) -> None:
        """Play `sound` in place of what is playing; `finished` is called when it has ended."""
        frames = sound.frames(self._codec)
        with self._announcer.lock:
            self._frames = itertools.cycle(frames) if sound.repeats else iter(frames)
            self._finished = finished or _nothing

    def stop(self) -> None:
        """Nothing but silence; what was playing does not tell that it ended."""
        with self._announcer.lock:
            self._frames, self._finished = iter(()), _nothing

    def close(self) -> None:
        """After this nothing is sent and no key is told any more."""
        self._announcer.forget(self)

    def next_packet(self) -> tuple[bytes, Callable[[], None]]:
        """What to send now, and what to call when a sound ended before it."""
        frame = next(self._frames, None)
        finished = _nothing
        if frame is None:
            frame = self._silence
            finished, self._finished = self._finished, _nothing
        return self._writer.packet(self._codec, frame), finished

    def keys(self, datagram: bytes) -> str:
        packet = parse(datagram)
        return "" if packet is None else self._keys.read(packet)


class Announcer:
    """One per process; calls its listeners on the loop."""

    def __init__(self, loop: Loop, relay_ip: str) -> None:
        self.lock = threading.Lock()
        self._loop = loop
        self._relay_ip = relay_ip
        self._channels: dict[int, tuple[Channel, Callable[[str], None]]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._socket.bind((self._relay_ip, 0))
        self._socket.setblocking(False)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._wanted = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def open(
        self, relay_port: int, codec: int, event_type: int | None, on_key: Callable[[str], None]
    ) -> Channel:
        """Begin to send (silence) to the relay's port; `on_key` gets each key, on the loop.

        `codec` and `event_type` are RTP payload types; without the latter keys are looked for in
        the audio.
        """
        channel = Channel(self, relay_port, codec, KeyReader(event_type))
        with self.lock:
            self._channels[relay_port] = (channel, on_key)
        self._wanted.set()
        return channel

    def forget(self, channel: Channel) -> None:
        with self.lock:
            known = self._channels.get(channel.relay_port)
            if known is not None and known[0] is channel:
                del self._channels[channel.relay_port]

    def close(self) -> None:
        self._closed = True
        self._wanted.set()
        self._thread.join(timeout=2)
        self._socket.close()

    def _run(self) -> None:
        due = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while not self._closed:
                if not self._channels:
                    self._wanted.clear()
                    if not self._channels:
                        self._wanted.wait()
                    continue
                now = time.monotonic()
                if selector.select(max(0.0, due - now)):
                    self._receive()
                now = time.monotonic()
                if now >= due:
                    due = now + _PERIOD if now - due > _LATE else due + _PERIOD
                    self._send()

    def _receive(self) -> None:
        for _ in range(_BATCH):
            try:
                datagram, source = self._socket.recvfrom(_DATAGRAM)
            except OSError:
                return
            with self.lock:
                if source[0] != self._relay_ip or source[1] not in self._channels:
                    continue
                channel, on_key = self._channels[source[1]]
                keys = channel.keys(datagram)
            for key in keys:
                self._loop.post(functools.partial(on_key, key))

    def _send(self) -> None:
        with self.lock:
            for channel, _ in self._channels.values():
                packet, finished = channel.next_packet()
                if finished is not _nothing:
                    self._loop.post(finished)
                try:
                    self._socket.sendto(packet, (self._relay_ip, channel.relay_port))
                except OSError:
                    continue  # a full buffer: a packet is lost, as on any network


def _nothing() -> None:
    """No listener."""
