"""`ringtrace sip-node --check`: tries what a node's settings promise, and says what works."""

import ipaddress
import logging
import os
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from ringtrace.domain.prompt import Prompt
from ringtrace.gateways.sip.backend import Backend, BackendAwayError
from ringtrace.gateways.sip.leg import destination
from ringtrace.gateways.sip.request import Requester
from ringtrace.gateways.sip.resolver import Resolver
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.gateways.sip.settingsfile import NOBODY
from ringtrace.gateways.sip.speech import PATIENCE, Speech
from ringtrace.gateways.sip.spool import SpoolError, claim
from ringtrace.gateways.sip.stack import StackLoop, start_stack
from ringtrace.gateways.sip.trunk import Trunk
from ringtrace.gateways.sip.wav import SoundFileError, read_wav

_SECONDS: Final = 8.0
"""So long trunks and the speaking command have; a lost packet is sent again meanwhile."""
_SPOKEN: Final = Prompt("This is a test.", "en-US")
_UNAUTHORISED: Final = frozenset({401, 403, 407})


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    subject: str
    said: str


def examine(settings: NodeSettings, file: Path | None) -> bool:
    """Print what was found, a line each; whether nothing has failed.

    Takes no calls and changes nothing, here or at a trunk; a node may run meanwhile.
    """
    logging.disable(logging.CRITICAL)  # the findings say it all
    check = _Check(settings)
    check.files(file)
    check.backend()
    check.targets()
    check.network()
    for finding in check.findings:
        click.echo(f"{finding.verdict:<8} {finding.subject}: {finding.said}")
    return all(finding.verdict is not Verdict.FAILED for finding in check.findings)


class _Check:
    def __init__(self, settings: NodeSettings) -> None:
        self.findings: list[Finding] = []
        self._settings = settings
        self._is_running = False
        self._open: set[str] = set()
        self._loop = StackLoop()

    def files(self, file: Path | None) -> None:
        settings = self._settings
        if file is not None:
            others = file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
            if others:
                self._warn(str(file), "others can read its secrets: chmod 600")
            else:
                self._ok(str(file), "read")
        self._spool(settings.spool_dir)
        sounds = sorted(settings.prompt_dir.glob("*.wav")) if settings.prompt_dir else []
        if settings.prompt_dir is not None and not sounds:
            self._warn("prompt_dir", f"{settings.prompt_dir} holds no .wav file")
        prompt = [settings.prompt_file] if settings.prompt_file is not None else []
        for path in [*prompt, *sounds]:
            self._sound(path)

    def _spool(self, folder: Path) -> None:
        if not folder.exists():
            place = next(one for one in folder.absolute().parents if one.exists())
            if os.access(place, os.W_OK):
                self._ok("spool_dir", f"{folder} will be made")
            else:
                self._fail("spool_dir", f"{folder} cannot be made: {place} is not ours to write")
            return
        try:
            os.close(claim(folder))
            self._ok("spool_dir", f"{folder} can be used")
        except SpoolError:
            self._is_running = True
            self._warn("spool_dir", f"{folder} is in use: a node runs")
        except OSError as error:
            self._fail("spool_dir", f"{folder}: {error.strerror}")

    def backend(self) -> None:
        settings = self._settings
        url = settings.backend_url
        if settings.token == NOBODY["token"]:
            self._warn("backend_url", "none: `ringtrace serve --with-sip` brings it, and the token")
            return
        if self._address("backend_url", urlsplit(url).hostname or "") is None:
            return
        backend = Backend(url, settings.token, settings.backend_timeout, node=settings.node)
        began = time.monotonic()
        state = backend.say_alive()
        milliseconds = (time.monotonic() - began) * 1_000
        backend.close()
        if state == "ok":
            self._ok("backend_url", f"{url} knows the token, {milliseconds:.0f} ms")
        elif state == "refused":
            self._fail("token", f"{url} does not take it: `ringtrace token sip` makes one")
        else:
            self._fail(
                "backend_url", f"{url} does not answer within {settings.backend_timeout:g} s"
            )

    def targets(self) -> None:
        target = self._settings.fallback_target
        if target is None:
            self._warn("fallback_target", "none: without backend and plan callers are refused")
        elif target.startswith("sip:"):
            host = destination(target, None).host
            if self._address("fallback_target", host) is not None:
                self._ok("fallback_target", f"{host} is known")
        if not self._settings.trunks:
            self._warn("trunks", "none: only sip: targets can be rung")

    def network(self) -> None:
        """Trunks and speech answer on the stack's loop."""
        config = self._stack()
        if config is None:
            return
        resolver = Resolver(self._loop)
        for index, trunk in enumerate(self._settings.trunks):
            self._trunk(f"trunks[{index}]", trunk, Requester(config, resolver, trunk), config)
        with tempfile.TemporaryDirectory() as folder:
            self._speech(Path(folder))
            self._loop.after(0.0 if not self._open else _SECONDS, self._loop.stop)
            self._loop.run()
        resolver.close()
        for subject in sorted(self._open):
            self._fail(subject, f"no answer within {_SECONDS:.0f} s")

    def _stack(self) -> dict[str, Any] | None:
        settings = self._settings
        start = partial(
            start_stack, ip=settings.listen_ip, public_ip=settings.public_ip, on_request=_refuse
        )
        subject, address = "listen_ip", f"{settings.listen_ip}:{settings.listen_port}"
        try:
            config, _ = start(port=settings.listen_port)
            self._ok(subject, f"{address} is free, trunks are told {settings.public_ip}")
        except OSError as error:
            if not self._is_running:
                self._fail(subject, f"{address}: {error.strerror}")
                return None
            config, _ = start(port=0)
        return config

    def _trunk(
        self, subject: str, trunk: Trunk, requester: Requester, config: dict[str, Any]
    ) -> None:
        where = "host" if trunk.edge is None else "edge"
        ip = self._address(f"{subject}.{where}", trunk.next_hop[0])
        if ip is None:
            return
        if trunk.edge is None:
            self._reach(subject, ip)
        began = time.monotonic()

        def answered(response: Any) -> None:
            code = response.getSCode()[0]
            milliseconds = (time.monotonic() - began) * 1_000
            is_there = code not in {408, 503}
            self._settle(
                f"{subject} OPTIONS",
                Verdict.OK if is_there else Verdict.FAILED,
                f"{trunk.host} answers {code}, {milliseconds:.0f} ms",
            )

        self._begin(f"{subject} OPTIONS", partial(requester.send, "OPTIONS", answered))
        if trunk.username is not None:
            own = Requester(config, Resolver(self._loop), trunk)
            done = partial(self._registered, f"{subject} REGISTER", trunk)
            self._begin(f"{subject} REGISTER", partial(own.send, "REGISTER", done))

    def _registered(self, subject: str, trunk: Trunk, response: Any) -> None:
        """A REGISTER without Contact only asks who is registered (RFC 3261, 10.2.3)."""
        code = response.getSCode()[0]
        if code // 100 == 2:  # noqa: PLR2004 - SIP's success class
            self._settle(subject, Verdict.OK, f"{trunk.host} takes the credentials")
        elif code in _UNAUTHORISED:
            self._settle(subject, Verdict.FAILED, f"{trunk.host} refuses the credentials ({code})")
        else:
            verdict = Verdict.FAILED if trunk.register else Verdict.WARNING
            self._settle(subject, verdict, f"{trunk.host} answers {code}")

    def _reach(self, subject: str, ip: str) -> None:
        """What is overlooked most often."""
        address = ipaddress.IPv4Address(ip)
        networks = map(ipaddress.IPv4Network, self._settings.trusted_networks)
        if not self._settings.accounts and not any(address in network for network in networks):
            self._warn(subject, f"calls from {ip} get 403: it is not in trusted_networks")
        if not address.is_loopback and ipaddress.IPv4Address(self._settings.public_ip).is_loopback:
            self._warn(subject, f"it cannot reach {self._settings.public_ip}: set listen_ip")

    def _speech(self, folder: Path) -> None:
        command = self._settings.tts_command
        if not command:
            return
        speech = Speech(self._loop, folder, command=command, folder=None, fetch=_nothing)
        began = time.monotonic()

        def spoke(sound: object) -> None:
            seconds = time.monotonic() - began
            if sound is None:
                said = f"`{command[0]}` gives no sound within {PATIENCE} s: tones stand in"
                self._settle("tts_command", Verdict.FAILED, said)
            else:
                self._settle("tts_command", Verdict.OK, f"`{command[0]}` took {seconds:.2f} s")

        self._begin("tts_command", partial(speech.find, _SPOKEN, spoke))

    def _sound(self, path: Path) -> None:
        try:
            seconds = len(read_wav(path)) / 8_000
        except (OSError, SoundFileError) as error:
            self._fail(str(path), str(error))
        else:
            self._ok(str(path), f"{seconds:.1f} s of sound")

    def _address(self, subject: str, host: str) -> str | None:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            self._fail(subject, f"{host} has no IPv4 address")
            return None
        return str(found[0][4][0])

    def _begin(self, subject: str, ask: Callable[[], None]) -> None:
        self._open.add(subject)
        ask()

    def _settle(self, subject: str, verdict: Verdict, said: str) -> None:
        if subject not in self._open:
            return
        self._open.remove(subject)
        self.findings.append(Finding(verdict, subject, said))
        if not self._open:
            self._loop.stop()

    def _ok(self, subject: str, said: str) -> None:
        self.findings.append(Finding(Verdict.OK, subject, said))

    def _warn(self, subject: str, said: str) -> None:
        self.findings.append(Finding(Verdict.WARNING, subject, said))

    def _fail(self, subject: str, said: str) -> None:
        self.findings.append(Finding(Verdict.FAILED, subject, said))


def _nothing(_: str) -> bytes:
    """What is spoken here comes from nowhere else."""
    raise BackendAwayError("not asked")


def _refuse(request: Any, _: Any) -> Any:
    """A call that comes meanwhile may be sent elsewhere."""
    return request.genResponse(503, "Service Unavailable"), None, None
