"""The cases, played through the Voximplant scenario on the emulated platform's virtual clock."""

import io
import json
import wave
from importlib.resources import files
from typing import Any, Final

import msgspec
import pytest

from ringtrace.domain.plan import Plan
from ringtrace.domain.prompt import FILE_SECONDS
from ringtrace.domain.rehearsal import BEEP_SECONDS
from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Reply, Request, Result, run
from ringtrace.gateways.voximplant.emulator import Case as Call
from tests.conformance.case import NUMBER, Acts, Case, Seen, cases, differences
from tests.conformance.rehearsing import rehearsed

SOUNDS: Final = "/sounds/1/"
LATENCY: Final = 0.06
"""What the emulated backend and network take until a caller is answered."""

TOLERANCE: Final = 0.5 + BEEP_SECONDS


@pytest.fixture(scope="module")
def scenario() -> str:
    return (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_scenario_does_as_the_case_expects(scenario: str, case: Case) -> None:
    reports: list[dict[str, Any]] = []

    def backend(request: Request, _moment: float) -> Reply:
        if request.url.endswith("/report"):
            reports.append(json.loads(request.body or b""))
            return Reply(200, b"{}")
        if SOUNDS in request.url:
            return Reply(200, sound(), delay=0.03)
        if request.url.endswith("/legs"):
            asked = json.loads(request.body or b"")
            free = case.has_room(asked.get("target"), asked.get("most_calls"))
            return Reply(200, json.dumps({"free": free}).encode(), delay=0.03)
        plan = case.plan_for_digits if request.url.endswith("/digits") else case.plan
        return Reply(503) if plan is None else Reply(200, wire(plan), delay=0.03)

    secrets = {"RINGTRACE_URL": "https://backend.example", "RINGTRACE_TOKEN": "token"}
    call = Call(
        NUMBER,
        "+12025550199",
        answers=tuple(map(answer, case.party)),
        caller_does=caller(case),
        secrets=secrets,
    )
    result = run([scenario], call, http=backend)
    (report,) = reports
    found = differences(case.expect, seen(report, result), tolerance=TOLERANCE)
    assert not found, "\n".join([*found, *result.log])


def wire(plan: Plan) -> bytes:
    return json.dumps(linked(msgspec.to_builtins(plan))).encode()


def linked(part: Any) -> Any:
    """A plan whose sound files can be had from the backend."""
    if isinstance(part, list | tuple):
        return [linked(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("file"):
        return part | {"text": "", "link": SOUNDS + part["file"]}
    return {name: linked(value) for name, value in part.items()}


def sound() -> bytes:
    """A WAV file, as long as files are taken to be in a rehearsal."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(round(FILE_SECONDS * 8000)))
    return out.getvalue()


def answer(acts: Acts) -> Answer:
    """The platform hides from a scenario that a target answered what was cancelled."""
    return Answer(
        acts.to,
        ring=None if acts.code else acts.after,
        answer=acts.answers,
        talk=acts.talk,
        fail=acts.code,
        after=acts.after,
        keys=acts.keys,
    )


def caller(case: Case) -> CallerDoes:
    """Here keys are told by the seconds after the answer; before it there are none."""
    told = {moment.what: moment.at for moment in reversed(rehearsed(case).timeline)}
    answered = told.get("caller is answered", 0.0)
    keys = tuple((at - answered, key) for at, key in case.keys if at >= answered)
    return CallerDoes(None if case.hangs_up is None else case.hangs_up + LATENCY, keys)


def seen(report: dict[str, Any], result: Result) -> Seen:
    commands = [(m.name, m.data) for m in result.timeline if m.kind == "command"]
    names = [name for name, _ in commands]
    codes = [data["code"] for name, data in commands if name == "RejectCall"]
    played = {data["id"] for name, data in commands if name == "CreateURLPlayer"}
    said_to = {
        data["to"].rpartition(".")[2]
        for name, data in commands
        if name == "PlayerSendMediaTo" and data["id"] in played
    }
    joined = [data["id2"] for name, data in commands if name == "SendMediaBetween"]
    ended = {
        m.data["id"] for m in result.timeline if m.name in {"Call.Failed", "Call.Disconnected"}
    }
    # A target that has as many calls as it takes is a leg of the report, and not dialled.
    of = {
        data["id"].rpartition(".")[2]: data["to"] if "@" in data["to"] else f"+{data['to']}"
        for name, data in commands
        if name in {"CallPSTN", "CallSIP"}
    }
    is_message = report["outcome"] == "voicemail"
    recording = report["recording"]
    return Seen(
        outcome=report["outcome"],
        reason=report["reason"],
        code=report["code"],
        target=report["target"],
        legs=tuple((leg["target"], leg["reason"]) for leg in report["legs"]),
        recorded=recording is not None,
        digits=report["digits"],
        box=report["box"],
        heard=heard(commands),
        whispered=tuple(of[one] for one in said_to - {"0"}),
        connected=tuple(of[leg.rpartition(".")[2]] for leg in joined),
        left_over=tuple(
            target for n, target in of.items() if not any(leg.endswith(f".{n}") for leg in ended)
        ),
        lasts=recording["seconds"] if is_message and recording else report["talk_seconds"],
        is_answered="AcceptCall" in names,
        rejected_with=codes[0] if codes else None,
    )


def heard(commands: list[tuple[str, dict[str, Any]]]) -> tuple[str, ...]:
    to = {data["id"]: data["to"] for name, data in commands if name == "PlayerSendMediaTo"}
    words = []
    for name, data in commands:
        if name == "CreateURLPlayer" and to[data["id"]].endswith(".0"):
            words.append(data["url"].rpartition("/")[2])
        elif name == "PlayProgressTone":
            words.append("ringback")
        elif name == "CreateToneScriptPlayer":
            words.append("beep" if data["script"].startswith("1000@") else "busy")
    return tuple(words)
