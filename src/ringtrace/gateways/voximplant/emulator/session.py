"""One session of a scenario on a virtual clock."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda
from ringtrace.gateways.voximplant.emulator.case import Case
from ringtrace.gateways.voximplant.emulator.commands import Commands
from ringtrace.gateways.voximplant.emulator.engine import Engine, Script, Turn
from ringtrace.gateways.voximplant.emulator.exchange import HttpQueue
from ringtrace.gateways.voximplant.emulator.http import Backend, RealHttp, stubs
from ringtrace.gateways.voximplant.emulator.leg import Leg
from ringtrace.gateways.voximplant.emulator.log import SessionLog
from ringtrace.gateways.voximplant.emulator.network import Network
from ringtrace.gateways.voximplant.emulator.phase import Phase
from ringtrace.gateways.voximplant.emulator.player import Players
from ringtrace.gateways.voximplant.emulator.result import Recording, Result
from ringtrace.gateways.voximplant.emulator.storage import Storage

IDLE_SECONDS = 60.0
HTTP_AT_END_SECONDS = 90.0
LONGEST_SECONDS = 4 * 3600.0
MOST_STEPS = 100_000

FIRST_SESSION = 4_000_000_001

NORMAL = "Normal termination"
SCRIPT_ERROR = "JS session error"
TIMEOUT = "Timeout"
ENDLESS = "Emulator: nothing ends this session"
"""Nothing more is due, or it went on for `LONGEST_SECONDS` or `MOST_STEPS`."""

At = Sequence[tuple[float, Callable[[], None]]]


def run(
    scripts: Sequence[Script | str],
    case: Case,
    *,
    storage: Storage | None = None,
    http: Backend | None = None,
    start: datetime | None = None,
    session_id: int | None = None,
    at: At = (),
) -> Result:
    """Run one incoming call through `scripts` and return what happened.

    `storage` is the application's, to share between sessions; `http` answers requests in
    place of the case's stubs or the real web; `start` is the moment the call arrives
    (default: now); `session_id` must differ between calls that meet the same backend
    (default: always the same with stubs, unique with the real web); `at` does something at
    virtual seconds, before anything else due then.

    Blocks while real requests are under way: in asyncio, run it in a thread.
    """
    named = [
        Script(f"scenario{number}", script) if isinstance(script, str) else script
        for number, script in enumerate(scripts, 1)
    ]
    with ExitStack() as stack:
        backend = http
        if backend is None and case.http == "real":
            real = RealHttp(case.http_hosts)
            stack.callback(real.close)
            backend = real
        elif backend is None:
            backend = stubs(() if case.http == "real" else case.http)
        session = Session(case, storage or Storage(), backend, start or datetime.now(UTC))
        if session_id is None:
            session_id = time_ns() // 1000 if case.http == "real" else FIRST_SESSION
        return session.run(named, session_id, at)


class Session:
    def __init__(self, case: Case, storage: Storage, backend: Backend, start: datetime) -> None:
        self.case = case
        self.storage = storage
        self.start = start
        self.agenda = Agenda()
        self.phase = Phase.RUNNING
        self.log = SessionLog(start, self.agenda)
        self.network = Network(
            self.agenda, case.answers, case.caller_does, self._emit, self._emptied
        )
        self.players = Players(self.agenda, backend, self._emit_player)
        self.http = HttpQueue(self.agenda, backend, self.answer)
        self._commands = Commands(self)
        self._engine: Engine | None = None
        self._finish_reason: str | None = None
        self._session_id = ""

    def run(self, scripts: Sequence[Script], session_id: int, at: At) -> Result:
        self._session_id = str(session_id)
        for key, value in self.case.storage.items():
            self.storage.put(key, value, None, self.start.timestamp())
        for moment, action in at:
            self.agenda.at(moment, action)
        self._begin(scripts)
        steps = 0
        while not self.finishing:
            steps += 1
            if steps > MOST_STEPS or not self.agenda.step(LONGEST_SECONDS):
                self.finish(ENDLESS)
        return self._end()

    def finish(self, reason: str) -> None:
        """End the session after the event being handled; the first reason counts."""
        if self._finish_reason is None:
            self._finish_reason = reason

    @property
    def finishing(self) -> bool:
        return self._finish_reason is not None

    def now(self) -> float:
        """Seconds since 1970 on the virtual clock."""
        return self.start.timestamp() + self.agenda.now

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Hand an event to the script and carry out the commands it gives."""
        if self._engine is None:
            return
        moment = int((self.start + timedelta(seconds=self.agenda.now)).timestamp() * 1000)
        self._act(lambda engine: engine.dispatch({**event, "now": moment}))

    def answer(self, request_id: int, result: Mapping[str, Any]) -> None:
        """Give the script the answer to an HTTP or storage request."""
        if self.phase is not Phase.TERMINATED:
            self.deliver({"kind": "answer", "id": request_id, "result": result})

    def script_failed(self, message: str, stack: str = "") -> None:
        where = self._engine.where(stack) if self._engine is not None else ""
        self.log.write(f"JS error: {message}" + (f"\n{where}" if where else ""))
        self.finish(SCRIPT_ERROR)

    def _act(self, step: Callable[[Engine], Turn]) -> None:
        if self._engine is None:
            return
        turn = step(self._engine)
        self._commands.carry_out(turn.commands)
        if turn.problem is not None:
            self.script_failed(turn.problem)

    def _begin(self, scripts: Sequence[Script]) -> None:
        settings = {
            "now": int(self.start.timestamp() * 1000),
            "sessionId": self._session_id,
            "customData": self.case.custom_data,
            "secrets": dict(self.case.secrets),
        }
        self._engine = Engine(settings)
        for script in scripts:
            self.log.write(f"Loading scenario {script.name}")
        self._emptied()
        self._act(lambda engine: engine.load(scripts))
        if not self.finishing:
            self._application("Application.Started", self._started_fields())
        if not self.finishing:
            self.agenda.after(0.001, self._arrive)

    def _started_fields(self) -> dict[str, Any]:
        base = "voximplant-emulator.invalid"
        return {
            "accountId": 1,
            "applicationId": 1,
            "sessionId": int(self._session_id),
            "accessURL": f"http://{base}/request/{self._session_id}",
            "accessSecureURL": f"https://{base}/request/{self._session_id}",
            "logURL": f"https://{base}/log/{self._session_id}",
        }

    def _arrive(self) -> None:
        case = self.case
        number, caller = case.destination.removeprefix("+"), case.caller.removeprefix("+")
        sip = "@" in case.caller or case.caller.startswith("sip:")
        kind = "sip" if sip else "pstn"
        shown = caller if case.display_name is None else case.display_name
        leg_id = f"{self._session_id}.0"
        fields: dict[str, Any] = {
            "id": leg_id,
            "destination": number,
            "callerid": caller,
            "displayName": shown,
            "toURI": f"sip:{number}@application.account.voximplant.com",
            "headers": {"VI-Client-Type": kind, **case.headers},
            "customData": case.custom_data,
        }
        if sip:
            fields["fromURI"] = case.caller
        about = {"callerid": caller, "displayName": shown, "number": number, "clientType": kind}
        self.network.arrive(leg_id, sip=sip)
        self.log.event("Application.CallAlerting", fields)
        self.deliver({"kind": "alerting", "callId": leg_id, "about": about, "fields": fields})

    def _application(self, name: str, fields: dict[str, Any]) -> None:
        self.log.event(name, fields)
        self.deliver({"kind": "application", "name": name, "fields": fields})

    def _emit(self, leg: Leg, name: str, fields: dict[str, Any]) -> None:
        if self.phase is not Phase.RUNNING or self.finishing:
            return
        self.log.event(name, {"id": leg.id, **fields})
        self.deliver({"kind": "call", "id": leg.id, "name": name, "fields": fields})

    def _emit_player(self, player: str, name: str, fields: dict[str, Any]) -> None:
        if self.phase is not Phase.RUNNING or self.finishing:
            return
        self.log.event(name, {"id": player, **fields})
        self.deliver({"kind": "player", "id": player, "name": name, "fields": fields})

    def _emptied(self) -> None:
        began = self.agenda.now

        def check() -> None:
            ended = [leg.ended or 0.0 for leg in self.network.legs]
            if (
                self.phase is Phase.RUNNING
                and not self.network.alive()
                and max(ended, default=0.0) <= began
            ):
                self.log.write(f"The session had no calls for {IDLE_SECONDS:g} s")
                self.finish(TIMEOUT)

        self.agenda.after(IDLE_SECONDS, check)

    def _end(self) -> Result:
        reason = self._finish_reason or NORMAL
        broken = reason != NORMAL
        self.phase = Phase.TERMINATING
        self.network.end_all()
        self.log.write("Executing JS command: terminating with params []")
        self.log.write("Terminating (onClose)")
        self._application("Application.Terminating", {"systemError": True} if broken else {})
        if dropped := self.http.drop_waiting():
            self.log.write(f"{dropped} HTTP requests were waiting and are dropped")
        deadline = self.agenda.now + HTTP_AT_END_SECONDS
        while self.http.active and self.agenda.step(deadline):
            pass
        self.phase = Phase.TERMINATED
        self._application("Application.Terminated", {"systemError": True} if broken else {})
        self.log.write(reason)
        self.log.write("Session terminated")
        # The context belongs to this thread: let it go here.
        self._engine = None
        return self._result(reason)

    def _result(self, reason: str) -> Result:
        now = self.agenda.now
        legs = self.network.legs
        return Result(
            finish_reason=reason,
            duration=round(now, 3),
            log=tuple(self.log.lines),
            timeline=tuple(self.log.timeline),
            requests=self.http.requests(),
            legs=tuple(leg.summary(now) for leg in legs if not leg.incoming),
            recordings=tuple(
                Recording(leg.to, leg.recorded.url, round(leg.recorded.seconds, 3))
                for leg in legs
                if leg.recorded is not None and leg.recorded.seconds is not None
            ),
        )
