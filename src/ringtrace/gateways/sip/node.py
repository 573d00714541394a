"""One SIP node: its parts put together, its door, and its orderly end."""

import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from sippy.SipHeader import SipHeader

from ringtrace.gateways.sip.announcer import Announcer
from ringtrace.gateways.sip.backend import Backend
from ringtrace.gateways.sip.call import Call
from ringtrace.gateways.sip.door import Door
from ringtrace.gateways.sip.durable import remove, replace_file
from ringtrace.gateways.sip.encoder import Encoder
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.gate import Gate
from ringtrace.gateways.sip.health import Health
from ringtrace.gateways.sip.heartbeat import Heartbeat
from ringtrace.gateways.sip.invite import Invite, InviteError, read_invite
from ringtrace.gateways.sip.media import MediaRelay
from ringtrace.gateways.sip.metrics import Metrics, TrunkState, Vitals
from ringtrace.gateways.sip.planner import PlanCache, Planner
from ringtrace.gateways.sip.registration import KeepAlive, Registration
from ringtrace.gateways.sip.resolver import Resolver
from ringtrace.gateways.sip.room import Room
from ringtrace.gateways.sip.sender import Sender
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.gateways.sip.speech import Speech
from ringtrace.gateways.sip.spool import Spool
from ringtrace.gateways.sip.stack import StackLoop, error_place, start_stack
from ringtrace.gateways.sip.throttle import Throttle
from ringtrace.gateways.sip.tones import PLEASE_KEY, Sound, spoken
from ringtrace.gateways.sip.trunk import Routes
from ringtrace.gateways.sip.wav import read_wav

_log = logging.getLogger(__name__)
_ALIVE_SECONDS = 1.0
_GOODBYE_SECONDS = 1.0  # for the last BYEs and their answers
_LAST_REPORTS_SECONDS = 5.0


def run(settings: NodeSettings, parent: int | None = None) -> None:
    """Take calls until SIGTERM or SIGINT; blocks. Call once, in a process's main thread.

    It also ends when the process `parent` is not ours any more.

    Raises `OSError` when the address cannot be bound, `SpoolError` when another node holds the
    spool and `ValueError` when the prompt cannot be played.
    """
    os.umask(0o077)  # rtp-io opens files of its own; all of them hold personal data
    _Node(settings, parent).run()


class _Node:
    def __init__(self, settings: NodeSettings, parent: int | None) -> None:
        self._settings = settings
        self._parent = parent
        self._metrics = Metrics()
        self._loop = StackLoop()
        self._door = Door(settings)
        self._calls: dict[str, Call] = {}
        self._refusals = Throttle()
        self._backend = Backend(
            settings.backend_url,
            settings.token,
            settings.backend_timeout,
            node=settings.node,
            said=self._metrics.backend_said,
        )
        self._heartbeat = Heartbeat(self._backend)
        self._spool = Spool(settings.spool_dir, Encoder(settings.recording_format))
        self._sender = Sender(self._spool.outbox, self._backend, settings.keep_days)
        self._health = Health(self._loop, self._metrics, self._look, self._sender.waiting)
        self._prompt = _prompt(settings)
        self._routes = Routes(settings.trunks)
        self._accounts = frozenset(t.username for t in settings.trunks if t.username is not None)
        self._registrations: list[Registration] = []
        self._gate: Gate | None = None
        self._exchange: Exchange | None = None

    def run(self) -> None:
        settings = self._settings
        left = self._spool.recover()
        if left:
            _log.warning("calls_recovered count=%d", left)
        config, port = start_stack(
            ip=settings.listen_ip,
            port=settings.listen_port,
            public_ip=settings.public_ip,
            on_request=self._on_request,
        )
        self._gate = Gate(settings, config["_sip_tm"], self._metrics.refuse)
        exchange = self._exchange = self._open_exchange(config)
        self._spool.start(self._sender.wake)
        self._sender.start()
        self._keep_alive()
        self._greet_trunks(exchange)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.on_signal(number, partial(self._on_signal, number))
        self._heartbeat.start()
        if settings.health_address is not None:
            self._health.start(settings.health_address)
        self._announce(port)
        self._loop.run()
        self._close(exchange)

    def _open_exchange(self, config: dict[str, Any]) -> Exchange:
        settings = self._settings
        planner = Planner(
            self._loop,
            self._backend,
            PlanCache(settings.spool_dir / "plans"),
            timeout=settings.backend_timeout,
            fallback_target=settings.fallback_target,
            fallback_ring_seconds=settings.ring_seconds,
        )
        relay = MediaRelay(
            self._loop,
            bind_ip=settings.listen_ip,
            port_min=settings.rtp_port_min,
            port_max=settings.rtp_port_max,
            media_timeout=settings.media_timeout,
            folder=self._spool.media,
        )
        return Exchange(
            settings=settings,
            config=config,
            loop=self._loop,
            metrics=self._metrics,
            planner=planner,
            room=Room(self._loop, planner),
            resolver=Resolver(self._loop),
            routes=self._routes,
            relay=relay,
            announcer=Announcer(self._loop, relay.ip),
            speech=Speech(
                self._loop,
                settings.spool_dir / "prompts",
                command=settings.tts_command,
                folder=settings.prompt_dir,
                fetch=self._backend.sound,
            ),
            prompt=self._prompt,
            spool=self._spool,
        )

    def _announce(self, port: int) -> None:
        address = f"{self._settings.listen_ip}:{port}"
        if self._settings.ready_file is not None:
            replace_file(self._settings.ready_file, address.encode(), survive_power_loss=False)
        _log.info("sip_node_ready listen=%s public_ip=%s", address, self._settings.public_ip)

    def _keep_alive(self) -> None:
        self._loop.after(_ALIVE_SECONDS, self._keep_alive)
        self._spool.touch()
        if self._parent not in {None, os.getppid()} and not self._door.closed:
            _log.warning("parent_gone")
            self._on_signal(signal.SIGTERM)

    def _look(self, done: Callable[[Vitals], None]) -> None:
        """How the node is, for somebody who asks."""
        trunks = tuple(
            TrunkState(route.trunk.host, route.is_up, route.is_registered, route.calls)
            for route in self._routes.all
        )

        def counted(sessions: int | None) -> None:
            done(Vitals(len(self._calls), self._door.closed, sessions, trunks))

        if self._exchange is None:
            counted(None)
        else:
            self._exchange.relay.count(counted)

    def _greet_trunks(self, exchange: Exchange) -> None:
        for route in self._routes.all:
            parts = (exchange.config, self._loop, exchange.resolver, route)
            if route.trunk.register:
                self._registrations.append(Registration(*parts))
            if route.trunk.keep_alive_seconds:
                KeepAlive(*parts).start()
        for registration in self._registrations:
            registration.start()

    def _on_request(self, request: Any, transaction: Any) -> Any:
        if self._gate is None or self._gate.turns_away(request, transaction):
            return None
        method = request.getMethod()
        if request.getHFBody("to").getTag() is not None:
            return request.genResponse(481, "Call/Transaction Does Not Exist"), None, None
        if method == "INVITE":
            return self._on_invite(request, transaction)
        if method == "OPTIONS":
            return request.genResponse(503 if self._door.closed else 200, "Seen"), None, None
        return request.genResponse(405, "Method Not Allowed"), None, None

    def _on_invite(self, request: Any, transaction: Any) -> Any:
        if self._exchange is None:
            self._refuse("starting")
            return request.genResponse(503, "Starting"), None, None
        try:
            invite = read_invite(request, self._accounts)
        except InviteError as error:
            self._refuse(f"invite_{error.code}", "invite_refused code=%d", error.code)
            return _refusal(request, error), None, None
        if invite.number is None:
            self._refuse("not_a_number")
            return request.genResponse(404, "Not Found"), None, None
        if not self._door.admits(invite.number):
            self._refuse(
                "draining" if self._door.closed else "over_cap",
                "call_refused live=%d draining=%s",
                self._door.live,
                self._door.closed,
            )
            return request.genResponse(503, "Service Unavailable"), None, None
        return self._begin(self._exchange, invite, request, transaction)

    def _begin(self, exchange: Exchange, invite: Invite, request: Any, transaction: Any) -> Any:
        """The call that the door has let in."""
        try:
            call = Call(exchange, invite, self._over)
        except Exception as error:  # noqa: BLE001 - the next caller must find the place free
            _log.error("call_not_begun error=%r", error_place(error))
            self._door.left(invite.number or "")
            self._refuse("broken")
            return request.genResponse(500, "Server Internal Error"), None, None
        self._calls[call.id] = call
        try:
            return call.inbound.recvRequest(request, transaction)
        except Exception as error:  # noqa: BLE001 - sippy raises whatever a message led them to
            _log.error("call_broken call=%s error=%r", call.id, error_place(error))
            call.abort()
            return None

    def _refuse(self, reason: str, event: str = "", *values: object) -> None:
        """Count it, and log the `event` unless there are too many."""
        self._metrics.refuse(reason)
        if event and (suppressed := self._refusals.admit()) is not None:
            _log.warning(f"{event} suppressed=%d", *values, suppressed)

    def _over(self, call: Call) -> None:
        if self._calls.pop(call.id, None) is not None:
            self._door.left(call.dialled)
        if self._door.closed and not self._calls:
            self._loop.after(_GOODBYE_SECONDS, self._loop.stop)

    def _on_signal(self, number: int) -> None:
        if self._door.closed:
            self._end_all()
            return
        _log.info("sip_node_draining signal=%d live=%d", number, len(self._calls))
        self._door.closed = True
        for registration in self._registrations:
            registration.stop()
        if not self._calls:
            self._loop.after(_GOODBYE_SECONDS if self._registrations else 0, self._loop.stop)
            return
        self._loop.after(self._settings.drain_seconds, self._end_all)

    def _end_all(self) -> None:
        for call in list(self._calls.values()):
            call.abort()

    def _close(self, exchange: Exchange) -> None:
        if self._settings.ready_file is not None:
            remove(self._settings.ready_file)
        self._health.stop()
        self._heartbeat.stop()
        exchange.planner.close()
        exchange.resolver.close()
        exchange.announcer.close()
        exchange.speech.close()
        exchange.relay.close()
        self._spool.stop(_LAST_REPORTS_SECONDS)
        emptied = self._sender.drain(_LAST_REPORTS_SECONDS)
        self._sender.stop()
        _log.info("sip_node_stopped outbox_empty=%s", emptied)


def _prompt(settings: NodeSettings) -> Sound:
    if settings.prompt_file is None:
        return PLEASE_KEY
    try:
        return spoken(read_wav(settings.prompt_file))
    except ValueError as error:
        raise ValueError(f"prompt_file: {error}") from None


def _refusal(request: Any, error: InviteError) -> Any:
    response = request.genResponse(error.code, error.phrase)
    if error.unsupported:
        response.appendHeader(SipHeader(name="unsupported", bodys=error.unsupported))
    return response
