"""The media of one call: relay sessions of two sides each, and who hears whom through them."""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ringtrace.gateways.sip.media import MediaRelay
from ringtrace.gateways.sip.sdp import Audio, Author, SdpError, parse_audio

_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Pickup:
    """A party that speaks with the node itself.

    `answer` is the description for the party. The node sends `codec` to the relay's
    `relay_port`; `event_type` is the payload type of telephone-events, `None` without.
    """

    answer: str
    relay_port: int
    codec: int
    event_type: int | None


class Side:
    """One side of a relay session: a telephone, or the node itself in its place.

    `port` is the relay's, to which this side sends; `peer` is the side whose sound it hears.
    """

    def __init__(self, session: "MediaSession", tag: str) -> None:
        self.tag = tag
        self.author = Author(session.public_ip, next(_numbers))
        self.audio: Audio | None = None
        self.layout: tuple[str | None, ...] = (None,)
        self.port = 0
        self.peer = self
        self._session = session

    @property
    def offered(self) -> Audio:
        """What the telephone on this side has described; raises `SdpError` before it has."""
        if self.audio is None:
            raise SdpError("nothing was offered")
        return self.audio

    def offer(self, text: str, done: Callable[[str], None]) -> None:
        """Take an offer of this side; `done` gets what to offer to its peer.

        Raises `SdpError` at once; `done` gets "" when the relay has no port to give.
        """
        audio = parse_audio(text)
        self.layout = audio.layout
        self._take(audio, (None,), done)

    def answer(self, text: str, done: Callable[[str], None]) -> None:
        """Take this side's answer; `done` gets what to answer to its peer, as `offer`."""
        self._take(self.accepted(text), self.peer.layout, done)

    def accepted(self, text: str) -> Audio:
        """Read this side's answer; raises `SdpError` when it is none to what was offered."""
        audio = parse_audio(text)
        offered = () if self.peer.audio is None else self.peer.audio.formats
        if not set(audio.formats) & set(offered) & {0, 8}:
            raise SdpError("answered with a format that was not offered")
        return audio

    def renew(self, text: str, done: Callable[[str], None]) -> None:
        """Take a new offer of a party that speaks with the node; `done` gets the answer.

        Raises `SdpError` when the codec that was agreed is not offered any more; `done` gets ""
        when the relay has no port to give.
        """
        audio = parse_audio(text)
        self.audio = narrowed = audio.narrowed(self.offered.codec)
        self.layout = audio.layout
        answer = narrowed.answered()

        def placed(taken: bool) -> None:
            done(self.author.write(answer, self.port, self.layout) if taken else "")

        self._session.place(self, narrowed.ip, narrowed.port, placed)

    def description(self) -> str:
        """How this side hears and reaches its peer, in an offer or an answer."""
        return self.author.write(self.peer.offered, self.port, self.layout)

    def _take(
        self, audio: Audio, layout: tuple[str | None, ...], done: Callable[[str], None]
    ) -> None:
        self.audio = audio

        def placed(taken: bool) -> None:
            done(self.peer.author.write(audio, self.peer.port, layout) if taken else "")

        self._session.place(self, audio.ip, audio.port, placed)


class MediaSession:
    """Two sides of one relay session; what one of them sends the other one hears.

    Whichever side the node itself is on, the session is opened by its `caller`. `name` is unique
    among the node's sessions; recordings bear it.
    """

    def __init__(
        self, relay: MediaRelay, name: str, public_ip: str, on_silence: Callable[[], None]
    ) -> None:
        self.name = name
        self.public_ip = public_ip
        self.caller = Side(self, "caller")
        self.agent = Side(self, "agent")
        self.caller.peer, self.agent.peer = self.agent, self.caller
        self._relay = relay
        self._on_silence = on_silence
        self._open = False

    def place(
        self, side: Side, ip: str, port: int, done: Callable[[bool], None], *, ours: bool = False
    ) -> None:
        """Expect `side` at `ip`:`port`; `done` tells whether the relay had a port for that.

        A telephone may turn out to be elsewhere, behind NAT: the relay then believes its packets.
        Of an address of `ours` it does not, as a late packet of whoever was there before would
        win it back.
        """
        other = self.agent if side is self.caller else self.caller

        def placed(reply: str) -> None:
            given = reply.partition(" ")[0]
            if not given.isdigit() or int(given) == 0:
                _log.error("media_port_refused session=%s reply=%s", self.name, reply)
                done(False)
                return
            other.port = int(given)
            done(True)

        tags = f"{side.tag} {other.tag}" if self._open else side.tag
        notify = f"{self._relay.notify_address} {self.name}"
        self._open = True
        self._relay.watch(self.name, self._on_silence)
        self._relay.command(
            f"{'Ua' if ours else 'U'} {self.name} {ip} {port} {tags} {notify}", placed
        )

    def pick_up(self, node: tuple[str, int], done: Callable[[Pickup | None], None]) -> None:
        """Put `node` (address and port) in the place of the agent, after the caller's `offer`.

        From now on the caller's only codec is the first of the offer, for an agent who comes
        later must understand it. `done` gets `None` when the relay has no port to give.
        """
        caller = self.caller
        caller.audio = narrowed = caller.offered.narrowed(caller.offered.codec)

        def placed(taken: bool) -> None:
            if not taken:
                done(None)
                return
            text = caller.author.write(narrowed.answered(), caller.port, caller.layout)
            done(Pickup(text, self.agent.port, narrowed.codec, narrowed.events))

        self.place(self.agent, *node, placed, ours=True)

    def record(self, *, both: bool = True) -> None:
        """Keep the caller's sound, or `both` sides', a file each, until the session closes."""
        if not self._open:
            return
        self._relay.command(f"R {self.name} caller agent", self._check)
        if both:
            self._relay.command(f"R {self.name} agent caller", self._check)

    def close(self, done: Callable[[], None]) -> None:
        """Free the ports and finish the recording's files, then `done`."""
        self._relay.unwatch(self.name)
        if not self._open:
            done()
            return
        self._open = False
        self._relay.command(f"D {self.name} caller agent", lambda _: done())

    def _check(self, reply: str) -> None:
        if reply != "0":
            _log.error("recording_refused session=%s reply=%s", self.name, reply)


def link(
    relay: MediaRelay, main: MediaSession, own: MediaSession, done: Callable[[bool], None]
) -> None:
    """Let the caller of `main` and the agent of `own` hear each other, across both sessions.

    Both parties keep the ports they know. `main` records both of them.
    """
    main.caller.peer, own.agent.peer = own.agent, main.caller
    results: list[bool] = []

    def placed(taken: bool) -> None:
        results.append(taken)
        if len(results) == 2:  # noqa: PLR2004 - both sides
            done(all(results))

    main.place(main.agent, relay.ip, own.caller.port, placed, ours=True)
    own.place(own.caller, relay.ip, main.agent.port, placed, ours=True)
