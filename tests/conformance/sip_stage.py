"""The cases, played on a SIP node: real telephones, real sound, a second in a fifth of one."""

import asyncio
import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from ringtrace.demo.behaviour import AgentCall, Behaviour, CallResult, NeverAnswers, Refuses
from ringtrace.domain.call import Outcome
from ringtrace.domain.plan import Dial, Plan
from tests.conformance.case import Acts, Case, Seen
from tests.conformance.rehearsing import rehearsed
from tests.conformance.sip_backend import Line, PlanningBackend
from tests.conformance.sound import (
    CALLER_HZ,
    is_heard,
    is_whispered,
    voice_hz,
    words,
    write_prompts,
)
from tests.conformance.telephones import CallerActs, CallersPhone, TargetActs, TargetsPhone
from tests.integration.sip.conftest import (
    AGENT_IP,
    CALLER,
    CALLER_IP,
    TOKEN,
    Backend,
    Json,
    Node,
    free_port,
    until,
)

PACE: Final = 0.2
"""Real seconds for one of a case."""

_PROMPT_SECONDS: Final = 0.7  # and 0.3 before it: five seconds of a case
_AT_ONCE: Final = 20
_CASE_SECONDS: Final = 30.0
_GOODBYE_SECONDS: Final = 4.0
_NODE_IP: Final = f"127.0.1.{1 + os.getpid() % 250}"
"""Its own: who still speaks to another node's port would be taken for our caller."""
_RTP_PORT: Final = 20000
_SCALED: Final = frozenset({"ring_seconds", "seconds", "max_seconds"})
_SHORTEST: Final = 1.0


def play_all(cases: Sequence[Case], folder: Path) -> dict[str, Seen | Exception]:
    """What the node made of each case, by the case's id. Many are under way at once."""
    backend = PlanningBackend(free_port("127.0.0.1", socket.SOCK_STREAM))
    agent_port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    prompts = folder / "prompts"
    prompts.mkdir()
    write_prompts(prompts, _PROMPT_SECONDS)
    node = Node(folder, _settings(backend, agent_port, prompts))
    backend.start()
    try:
        node.start()
        return asyncio.run(_play_all(cases, node, backend, agent_port))
    finally:
        node.stop()
        backend.stop()


def _settings(backend: Backend, agent_port: int, prompts: Path) -> dict[str, Any]:
    return {
        "backend_url": f"http://127.0.0.1:{backend.port}",
        "token": TOKEN,
        "listen_ip": _NODE_IP,
        "listen_port": 0,
        "trusted_networks": [f"{CALLER_IP}/32"],
        "trunks": [{"host": f"{AGENT_IP}:{agent_port}"}],
        "health_listen": "off",
        "rtp_port_min": _RTP_PORT,
        "rtp_port_max": _RTP_PORT + 9999,
        "backend_timeout": 5.0,
        "max_calls": 50,
        "drain_seconds": 0.1,
        "prompt_dir": str(prompts),
    }


async def _play_all(
    cases: Sequence[Case], node: Node, backend: PlanningBackend, agent_port: int
) -> dict[str, Seen | Exception]:
    behaviours: dict[str, Behaviour] = {}
    callers = await CallersPhone.open(CALLER_IP)
    targets = await TargetsPhone.open(AGENT_IP, agent_port, behaviours)
    assert isinstance(callers, CallersPhone)
    assert isinstance(targets, TargetsPhone)
    room = asyncio.Semaphore(_AT_ONCE)

    async def play(index: int, case: Case) -> Seen | Exception:
        line = Line(index, f"{AGENT_IP}:{agent_port}")
        async with room:
            try:
                async with asyncio.timeout(_CASE_SECONDS):
                    return await _Play(case, line, node, backend, callers, targets).run(behaviours)
            except TimeoutError:
                return AssertionError(f"the call was not over after {_CASE_SECONDS:.0f} s")
            except Exception as error:  # noqa: BLE001 - it is that case's result
                return error

    try:
        # The longest first: none of them is to be begun when the others are over.
        cases = sorted(cases, key=lambda case: rehearsed(case).seconds, reverse=True)
        played = await asyncio.gather(*(play(i, case) for i, case in enumerate(cases)))
    finally:
        await callers.close()
        await targets.close()
    return {case.id: seen for case, seen in zip(cases, played, strict=True)}


@dataclass(frozen=True)
class _Play:
    case: Case
    line: Line
    node: Node
    backend: PlanningBackend
    callers: CallersPhone
    targets: TargetsPhone

    async def run(self, behaviours: dict[str, Behaviour]) -> Seen:
        number = self.line.number
        self.backend.plans[number] = self._wire(self.case.plan)
        if self.case.plan_for_digits is not None:
            self.backend.for_digits[number] = self._wire(self.case.plan_for_digits)
        for turn, acts in enumerate(self.case.party):
            behaviours[_user(self.line.real(acts.to))] = _behaviour(acts, voice_hz(turn))
            self.backend.calls_of[self.line.real(acts.to)] = acts.calls
        leaves = None if self.case.hangs_up is None else self.case.hangs_up * PACE
        calling = CallerActs(
            tone_hz=CALLER_HZ,
            presses=_paced(self.case.keys),
            leaves=leaves,
            cancel_after=leaves,
        )
        uri = self.node.uri(number.removeprefix("+"))
        result = await self.callers.call(uri, CALLER, calling)
        await until(lambda: self.backend.call_of(number) is not None)
        call = self.backend.call_of(number)
        assert call is not None
        report = self.backend.reports[call]
        if report["recording"] is not None:
            await until(lambda: call in self.backend.recordings)
        with contextlib.suppress(AssertionError):  # who is left over is told below
            await until(lambda: not self._left_over(report), _GOODBYE_SECONDS)
        return self._seen(report, result)

    def _wire(self, plan: Plan) -> Json:
        document: Json = json.loads(self.line.real(msgspec.json.encode(plan).decode()))
        paced: Json = _scaled(document)
        return paced

    def _calls(self) -> list[tuple[Acts, AgentCall, float]]:
        """Of the case's targets, with the tone in which they speak."""
        calls = self.targets.calls()
        return [
            (acts, call, voice_hz(turn))
            for turn, acts in enumerate(self.case.party)
            for call in calls.get(_user(self.line.real(acts.to)), [])
        ]

    def _left_over(self, report: Mapping[str, Any]) -> tuple[str, ...]:
        over = Counter(acts.to for acts, _, _ in self._calls())
        asked = Counter(self.line.written(leg["target"]) for leg in report["legs"])
        dialled = asked - self._full()
        return tuple((dialled - over).elements())

    def _full(self) -> Counter[str]:
        """Targets that were not rung, because they have as many calls as they take."""
        caps = {
            target.to: target.most_calls
            for step in self.case.steps
            if isinstance(step, Dial)
            for target in step.targets
        }
        return Counter(to for to, most in caps.items() if not self.case.has_room(to, most))

    def _seen(self, report: Mapping[str, Any], result: CallResult) -> Seen:
        calls = self._calls()
        sound = result.heard.samples
        return Seen(
            outcome=report["outcome"],
            reason=report["reason"],
            code=report["code"],
            target=report["target"] and self.line.written(report["target"]),
            legs=tuple((self.line.written(leg["target"]), leg["reason"]) for leg in report["legs"]),
            recorded=report["recording"] is not None,
            digits=report["digits"],
            box=report["box"],
            heard=words(sound),
            whispered=tuple(acts.to for acts, call, _ in calls if is_whispered(call.heard.samples)),
            connected=tuple(
                _connected(acts.to, call, hz, sound)
                for acts, call, hz in calls
                if is_heard(call.heard.samples, CALLER_HZ) or is_heard(sound, hz)
            ),
            left_over=self._left_over(report),
            lasts=_seconds(report) / PACE,
            is_answered=result.code == 200,
            rejected_with=None if result.code == 200 else result.code,
        )


def _seconds(report: Mapping[str, Any]) -> float:
    """Of the talk or the message."""
    recording = report["recording"]
    is_message = report["outcome"] == Outcome.VOICEMAIL and recording is not None
    return float(recording["seconds"] if is_message else report["talk_seconds"])


def _connected(to: str, call: AgentCall, hz: float, sound: Sequence[int]) -> str:
    """The target, if both heard each other."""
    if not is_heard(sound, hz):
        return f"{to}, whom the caller did not hear"
    return to if is_heard(call.heard.samples, CALLER_HZ) else f"{to}, who did not hear the caller"


def _behaviour(acts: Acts, hz: float) -> Behaviour:
    if acts.code is not None:
        return Refuses(acts.code, acts.after * PACE)
    if acts.answers is None:
        return NeverAnswers()
    return TargetActs(
        after=acts.answers * PACE,
        tone_hz=hz,
        hang_up_after=None if acts.talk is None else acts.talk * PACE,
        presses=_paced(acts.keys),
        ignores_cancel=acts.ignores_cancel,
    )


def _paced(presses: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    return tuple((at * PACE, key) for at, key in presses)


def _scaled(value: Any) -> Any:
    """A plan, with its times on the faster clock."""
    if isinstance(value, list):
        return [_scaled(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: max(_SHORTEST, one * PACE) if name in _SCALED else _scaled(one)
        for name, one in value.items()
    }


def _user(target: str) -> str:
    return target.removeprefix("sip:").partition("@")[0]
