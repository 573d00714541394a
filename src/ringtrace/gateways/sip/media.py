"""Relays and records RTP through rtp-io, which runs in threads of this process.

Commands travel over a socket pair, one line each; replies come in order. A command without its
newline would block for ever, so nothing but `_run` writes to the socket.
"""

import functools
import itertools
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from rtp.io import rtpproxy

from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.sdp import Audio, Author, SdpError, parse_audio

_log = logging.getLogger(__name__)
_Reply = Callable[[str], None]
_SETUP_SECONDS = 900  # a session without RTP lives as long as several targets may ring


class MediaRelay:
    """One per process. `media_timeout` seconds without RTP end a session."""

    def __init__(
        self,
        loop: Loop,
        *,
        bind_ip: str,
        port_min: int,
        port_max: int,
        media_timeout: int,
        folder: Path,
    ) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        place = str(folder.resolve())
        # Without -S the files under way would lie in /tmp; without modules=() rtp-io writes an
        # accounting file into the working directory.
        self._relay = rtpproxy(
            modules=(),
            extra_args=[
                *("-F", "-P", "-r", place, "-S", place, "-l", bind_ip, "-d", "CRIT"),
                *("-m", str(port_min), "-M", str(port_max)),
                *("-T", str(media_timeout), "-W", str(max(_SETUP_SECONDS, media_timeout))),
            ],
        )
        self.notify_address: str = self._relay.rtpp_nsock_spec
        self._loop = loop
        self._commands: SimpleQueue[tuple[str, _Reply] | None] = SimpleQueue()
        self._on_silence: dict[str, Callable[[], None]] = {}
        self._worker = threading.Thread(target=self._run, name="media", daemon=True)
        self._worker.start()
        threading.Thread(target=self._listen, name="media-notify", daemon=True).start()

    def command(self, line: str, done: _Reply) -> None:
        """Send one command; `done` gets the reply on the loop (empty when rtp-io is gone)."""
        self._commands.put((line, done))

    def watch(self, call: str, on_silence: Callable[[], None]) -> None:
        self._on_silence[call] = on_silence

    def unwatch(self, call: str) -> None:
        self._on_silence.pop(call, None)

    def close(self) -> None:
        self._commands.put(None)
        self._worker.join(timeout=2)

    def _run(self) -> None:
        link: socket.socket = self._relay.rtpp_sock
        while (item := self._commands.get()) is not None:
            line, done = item
            try:
                link.sendall(f"{line}\n".encode())
                reply = link.recv(1024).decode("ascii", "replace").strip()
            except OSError as error:
                _log.error("media_relay_gone error=%s", error.strerror)
                reply = ""
            self._loop.post(functools.partial(done, reply))

    def _listen(self) -> None:
        link: socket.socket = self._relay.rtpp_nsock
        rest = b""
        while data := link.recv(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._loop.post(functools.partial(self._silent, line.decode("ascii", "replace")))

    def _silent(self, call: str) -> None:
        action = self._on_silence.pop(call, None)
        if action is not None:
            action()


@dataclass
class _Side:
    """`port` is the relay's, to which this side sends."""

    tag: str
    author: Author
    audio: Audio | None = None
    layout: tuple[str | None, ...] = (None,)
    port: int = 0


@dataclass(frozen=True)
class Pickup:
    """A caller who is answered by the node itself.

    `answer` is the description for the caller. The node sends `codec` to the relay's
    `relay_port`; `event_type` is the payload type of telephone-events, `None` without.
    """

    answer: str
    relay_port: int
    codec: int
    event_type: int | None


_sessions = itertools.count(1)


@dataclass
class MediaSession:
    """The media of one call: two sides, `caller` and `agent`."""

    relay: MediaRelay
    call: str
    public_ip: str
    on_silence: Callable[[], None]
    _open: bool = False
    _sides: dict[str, _Side] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("caller", "agent"):
            self._sides[name] = _Side(name, Author(self.public_ip, next(_sessions)))

    def offer(self, source: str, text: str, done: Callable[[str], None]) -> None:
        """Take an offer of side `source`; `done` gets what to offer to the other side.

        Raises `SdpError` at once; `done` gets "" when the relay has no port to give.
        """
        audio = parse_audio(text)
        self._sides[source].layout = audio.layout
        self._place(source, audio, (None,), done)

    def answer(self, source: str, text: str, done: Callable[[str], None]) -> None:
        """Take side `source`'s answer; `done` gets what to answer to the other side, as `offer`."""
        audio = parse_audio(text)
        other = self._other(source)
        offered = () if other.audio is None else other.audio.formats
        if not set(audio.formats) & set(offered) & {0, 8}:
            raise SdpError("answered with a format that was not offered")
        self._place(source, audio, other.layout, done)

    def pick_up(self, node: tuple[str, int], done: Callable[[Pickup | None], None]) -> None:
        """Put `node` (address and port) in the place of the agent, after the caller's `offer`.

        From now on the caller's only codec is the first of the offer, for an agent who comes
        later must understand it. `done` gets `None` when the relay has no port to give.
        """
        caller = self._sides["caller"]
        if caller.audio is None:
            raise SdpError("nothing was offered")
        caller.audio = narrowed = caller.audio.narrowed(caller.audio.codec)

        def placed(text: str) -> None:
            port, events = self._sides["agent"].port, narrowed.events
            done(Pickup(text, port, narrowed.codec, events) if text else None)

        ours = narrowed.answered_at(*node)
        self._place("agent", ours, caller.layout, placed)

    def renew(self, text: str, done: Callable[[str], None]) -> None:
        """Take a picked-up caller's new offer; `done` gets the answer, "" when there is none.

        Raises `SdpError` when the codec that was agreed is not offered any more.
        """
        caller, agent = self._sides["caller"], self._sides["agent"]
        if caller.audio is None or agent.audio is None:
            raise SdpError("nothing was offered")
        audio = parse_audio(text)
        narrowed = audio.narrowed(caller.audio.codec)
        caller.layout = audio.layout
        ours = narrowed.answered_at(agent.audio.ip, agent.audio.port)

        def placed(text: str) -> None:
            done(caller.author.write(ours, caller.port, caller.layout) if text else "")

        self._place("caller", narrowed, (None,), placed)

    def invitation(self) -> str:
        """What to offer to an agent now."""
        caller, agent = self._sides["caller"], self._sides["agent"]
        if caller.audio is None:
            raise SdpError("nothing was offered")
        return agent.author.write(caller.audio, agent.port)

    def record(self) -> None:
        """Keep both directions, a file each, until the session closes."""
        if not self._open:
            return
        self.relay.command(f"R {self.call} caller agent", self._check)
        self.relay.command(f"R {self.call} agent caller", self._check)

    def close(self, done: Callable[[], None]) -> None:
        """Free the ports and finish the recording's files, then `done`."""
        self.relay.unwatch(self.call)
        if not self._open:
            done()
            return
        self._open = False
        self.relay.command(f"D {self.call} caller agent", lambda _: done())

    def _other(self, source: str) -> _Side:
        return self._sides["agent" if source == "caller" else "caller"]

    def _place(
        self,
        source: str,
        audio: Audio,
        layout: tuple[str | None, ...],
        done: Callable[[str], None],
    ) -> None:
        side, other = self._sides[source], self._other(source)
        side.audio = audio

        def placed(reply: str) -> None:
            port = reply.partition(" ")[0]
            if not port.isdigit() or int(port) == 0:
                _log.error("media_port_refused call=%s reply=%s", self.call, reply)
                done("")
                return
            other.port = int(port)
            done(other.author.write(audio, int(port), layout))

        tags = f"{side.tag} {other.tag}" if self._open else side.tag
        notify = f"{self.relay.notify_address} {self.call}"
        self._open = True
        self.relay.watch(self.call, self.on_silence)
        self.relay.command(f"U {self.call} {audio.ip} {audio.port} {tags} {notify}", placed)

    def _check(self, reply: str) -> None:
        if reply != "0":
            _log.error("recording_refused call=%s reply=%s", self.call, reply)
