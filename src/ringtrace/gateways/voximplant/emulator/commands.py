"""Carries out what a scenario asked for, and says so in the log."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ringtrace.gateways.voximplant.emulator.agenda import Appointment
from ringtrace.gateways.voximplant.emulator.engine import Command
from ringtrace.gateways.voximplant.emulator.leg import Leg
from ringtrace.gateways.voximplant.emulator.phase import Phase
from ringtrace.gateways.voximplant.emulator.storage import StorageError

if TYPE_CHECKING:  # the session owns its commands: the two know each other
    from ringtrace.gateways.voximplant.emulator.session import Session

_STORAGE_SECONDS = 0.01


class Commands:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self._timers: dict[int, Appointment] = {}
        self._last_request_sent = False
        self._by_name: dict[str, Callable[[dict[str, Any]], None]] = {
            "Log": lambda data: session.log.write(data["text"]),
            "Warning": lambda data: session.log.write(f"WARNING! {data['text']}"),
            "ScriptError": lambda data: session.script_failed(data["message"], data["stack"]),
            "UnhandledRejection": lambda data: session.log.write(
                f"Unhandled promise rejection: {data['message']}"
            ),
            "NotEmulated": lambda data: session.finish(f"Emulator: {data['what']} is missing"),
            "StartTimer": self._start_timer,
            "StopTimer": self._stop_timer,
            "LoadModule": lambda data: session.log.write(f"Module loaded: {data['module']}"),
            "HttpRequest": self._http,
            "HideTones": self._hide_tones,
            "SendMediaBetween": self._send_media_between,
            "CreateToneScriptPlayer": self._play_tones,
            "CreateURLPlayer": self._play_file,
            "Storage": self._storage,
            "Terminate": self._terminate,
            "CallPSTN": lambda data: self._dial(data, sip=False),
            "CallSIP": lambda data: self._dial(data, sip=True),
            "CallUser": lambda data: self._dial(data, sip=True),
        }
        network = session.network
        self._on_leg: dict[str, Callable[[Leg, dict[str, Any]], None]] = {
            "AcceptCall": lambda leg, _: network.answer(leg),
            "RejectCall": lambda leg, data: network.reject(leg, data["code"]),
            "Hangup": lambda leg, _: network.hang_up(leg),
            "Record": lambda leg, _: network.record(leg),
            "StartEarlyMedia": lambda leg, _: network.start_early_media(leg),
            "Say": lambda leg, data: self._unheard("say", network.say(leg, data["text"])),
            "PlayProgressTone": lambda leg, data: self._unheard(
                "playProgressTone", network.play_progress_tone(leg, data["country"])
            ),
            "StartPlayback": lambda leg, data: network.play(leg, loop=data["loop"]),
            "StopPlayback": lambda leg, _: network.stop_playback(leg),
            "HandleTones": self._handle_tones,
            "SendMediaTo": lambda _, data: self._send_media(data["to"]),
        }
        self._on_player: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "PlayerSendMediaTo": lambda _, data: self._play_to(data["to"]),
            "PlayerStopMediaTo": lambda _player, _data: None,
            "StopPlayer": lambda player, _: session.players.stop(player),
        }

    def carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        session = self._session
        over = session.phase is not Phase.RUNNING or session.finishing
        if over and command.name not in _ALWAYS:
            self._when_over(command)
            return
        known = self._by_name.get(command.name)
        if known is not None:
            self._note(command)
            known(command.data)
            return
        session.log.command(command.name, command.data)
        if command.name in self._on_player:
            self._on_a_player(command)
            return
        act = self._on_leg.get(command.name)
        if act is None:
            return
        leg = session.network.leg(command.data["id"])
        if leg.alive:
            act(leg, command.data)
        else:
            session.log.write(f"WARNING! {command.name}: the call {leg.id} has ended")

    def _note(self, command: Command) -> None:
        if command.name in _UNLOGGED:
            return
        name, data, quiet = command.name, command.data, False
        if name == "HttpRequest":
            quiet = data["quiet"]
            data = {**data, "headers": {k: _shown(k, v) for k, v in data["headers"]}}
        if name == "Storage":
            name = f"ApplicationStorage.{data['operation']}"
        self._session.log.command(name, data, quiet=quiet)

    def _when_over(self, command: Command) -> None:
        session = self._session
        terminating = session.phase is Phase.TERMINATING
        if command.name == "HttpRequest" and terminating and not self._last_request_sent:
            self._last_request_sent = True
            self._note(command)
            session.http.ask_at_once(command.data)
            return
        if command.name in {"StopTimer", "Terminate"}:
            return
        session.log.write(f"WARNING! {command.name} is ignored: the session is ending")

    def _start_timer(self, data: dict[str, Any]) -> None:
        timer, seconds, repeat = data["id"], data["seconds"], data["repeat"]
        session = self._session

        def fire() -> None:
            if session.phase is not Phase.RUNNING:
                return
            del self._timers[timer]
            if repeat:
                self._start_timer(data)
            session.deliver({"kind": "timer", "id": timer})

        self._timers[timer] = session.agenda.after(seconds, fire)

    def _stop_timer(self, data: dict[str, Any]) -> None:
        appointment = self._timers.pop(data["id"], None)
        if appointment is not None:
            appointment.cancelled = True

    def _hide_tones(self, data: dict[str, Any]) -> None:
        self._session.log.tones_hidden = data["hidden"]

    def _handle_tones(self, leg: Leg, data: dict[str, Any]) -> None:
        kinds = data["kinds"]
        if kinds not in _TONE_KINDS:
            self._session.log.write(f"WARNING! handleTones: there are no tones of kind {kinds}")
        # The parties' keys are telephone-events.
        leg.tones_handled = data["handle"] and kinds in {"ALL", "TELEPHONE_EVENT"}

    def _on_a_player(self, command: Command) -> None:
        player: str = command.data["id"]
        if self._session.players.is_playing(player):
            self._on_player[command.name](player, command.data)
        else:
            self._session.log.write(f"WARNING! {command.name}: the player {player} has ended")

    def _play_tones(self, data: dict[str, Any]) -> None:
        self._session.players.play_tones(data["id"], data["script"], loop=data["loop"])

    def _play_file(self, data: dict[str, Any]) -> None:
        self._session.players.play_file(data["id"], data["url"], loop=data["loop"])

    def _play_to(self, to: str) -> None:
        if (leg := self._media_leg(to)) is not None:
            self._unheard("sendMediaTo", self._session.network.send_media(leg))

    def _send_media_between(self, data: dict[str, Any]) -> None:
        self._send_media(data["id1"])
        self._send_media(data["id2"])

    def _send_media(self, to: str) -> None:
        if (leg := self._media_leg(to)) is not None:
            self._session.network.send_media(leg)

    def _media_leg(self, to: str) -> Leg | None:
        """The call that is to hear something; other media units are not emulated."""
        leg = self._session.network.find(to)
        if leg is None:
            self._session.finish(f"Emulator: sending media to {to} is missing")
        return leg

    def _unheard(self, command: str, why: str | None) -> None:
        if why is not None:
            self._session.log.write(f"WARNING! {command}: {why}, nothing is heard")

    def _http(self, data: dict[str, Any]) -> None:
        self._session.http.ask(data)

    def _dial(self, data: dict[str, Any], *, sip: bool) -> None:
        self._session.network.dial(data["id"], data["to"], sip=sip)

    def _terminate(self, _data: dict[str, Any]) -> None:
        self._session.log.write("Terminating request...")
        self._session.finish("Normal termination")

    def _storage(self, data: dict[str, Any]) -> None:
        session, request = self._session, data["id"]
        if session.storage.silent:
            return
        try:
            result = {"value": self._stored(data)}
        except StorageError as error:
            result = {"error": str(error)}
        session.agenda.after(_STORAGE_SECONDS, lambda: session.answer(request, result))

    def _stored(self, data: dict[str, Any]) -> object:
        storage, now = self._session.storage, self._session.now()
        if storage.away:
            raise StorageError("ApplicationStorage is away")
        match data["operation"]:
            case "get":
                return _entry(data["key"], storage.get(data["key"], now))
            case "put":
                storage.put(data["key"], data["value"], data["ttl"], now)
                return _entry(data["key"], data["value"])
            case "remove":
                return _entry(data["key"], storage.remove(data["key"]))
            case _:
                return {"keys": storage.keys(data["pattern"], data["count"], now)}


_TONE_KINDS = frozenset({"ALL", "TELEPHONE_EVENT", "IN_BAND", "SIP_INFO"})
_ALWAYS = frozenset({"Log", "Warning", "ScriptError", "UnhandledRejection", "NotEmulated"})
_UNLOGGED = _ALWAYS | {"StartTimer", "StopTimer", "Terminate", "LoadModule"}


def _entry(key: str, value: str | None) -> dict[str, str] | None:
    return None if value is None else {"key": key, "value": value}


def _shown(name: str, value: str) -> str:
    return "******" if name.lower() == "authorization" else value
