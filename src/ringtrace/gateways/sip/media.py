"""Relays and records RTP through rtp-io, which runs in threads of this process.

Commands travel over a socket pair, one line each; replies come in order. A command without its
newline would block for ever, so nothing but `_ask` writes to the socket.
"""

import functools
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from rtp.io import rtpproxy

from ringtrace.gateways.sip.loop import Loop

_log = logging.getLogger(__name__)
_Reply = Callable[[str], None]
_SETUP_SECONDS = 900  # a session without RTP lives as long as several targets may ring


class MediaRelay:
    """One per process. `media_timeout` seconds without RTP end a session.

    `ip` is where the relay's ports are reached from this machine. Ports are given in turn: one
    that was freed comes back only after all others, when nobody sends to it any more. Otherwise
    a late packet of the call before could be taken for the new party, who would not be heard.
    """

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
                *("-F", "-P", "-b", "-r", place, "-S", place, "-l", bind_ip, "-d", "CRIT"),
                *("-m", str(port_min), "-M", str(port_max)),
                *("-T", str(media_timeout), "-W", str(max(_SETUP_SECONDS, media_timeout))),
            ],
        )
        self.ip = "127.0.0.1" if bind_ip == "0.0.0.0" else bind_ip  # noqa: S104 - compared
        self.notify_address: str = self._relay.rtpp_nsock_spec
        self._begin_anywhere((port_max - port_min + 1) // 2)
        self._loop = loop
        self._commands: SimpleQueue[tuple[str, _Reply] | None] = SimpleQueue()
        self._on_silence: dict[str, Callable[[], None]] = {}
        self._worker = threading.Thread(target=self._run, name="media", daemon=True)
        self._worker.start()
        threading.Thread(target=self._listen, name="media-notify", daemon=True).start()

    def command(self, line: str, done: _Reply) -> None:
        """Send one command; `done` gets the reply on the loop (empty when rtp-io is gone)."""
        self._commands.put((line, done))

    def count(self, done: Callable[[int | None], None]) -> None:
        """`done` gets the number of sessions on the loop, `None` when rtp-io is gone."""

        def counted(reply: str) -> None:
            made, _, ended = reply.partition(" ")
            known = made.isdigit() and ended.isdigit()
            done(int(made) - int(ended) if known else None)

        self.command("G nsess_created nsess_destroyed", counted)

    def watch(self, session: str, on_silence: Callable[[], None]) -> None:
        self._on_silence[session] = on_silence

    def unwatch(self, session: str) -> None:
        self._on_silence.pop(session, None)

    def close(self) -> None:
        self._commands.put(None)
        self._worker.join(timeout=2)

    def _begin_anywhere(self, ports: int) -> None:
        """After a crash the telephones of the calls that were cut still send to the first ports."""
        for number in range(secrets.randbelow(ports)):
            self._ask(f"U passed-{number} 127.0.0.1 9 caller")
            self._ask(f"D passed-{number} caller")

    def _run(self) -> None:
        while (item := self._commands.get()) is not None:
            line, done = item
            try:
                reply = self._ask(line)
            except OSError as error:
                _log.error("media_relay_gone error=%s", error.strerror)
                reply = ""
            self._loop.post(functools.partial(done, reply))

    def _ask(self, line: str) -> str:
        link: socket.socket = self._relay.rtpp_sock
        link.sendall(f"{line}\n".encode())
        return link.recv(1024).decode("ascii", "replace").strip()

    def _listen(self) -> None:
        link: socket.socket = self._relay.rtpp_nsock
        rest = b""
        while data := link.recv(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._loop.post(functools.partial(self._silent, line.decode("ascii", "replace")))

    def _silent(self, session: str) -> None:
        action = self._on_silence.pop(session, None)
        if action is not None:
            action()
