"""Playing a demo day: visitors arrive, some of them call, everything goes in by the front doors."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from urllib.parse import urlsplit

import httpx

from ringtrace.demo.behaviour import Answers, Behaviour, Calling, NeverAnswers, Refuses
from ringtrace.demo.phone import Phone
from ringtrace.demo.script import CallPart, Script, VisitPart
from ringtrace.demo.stage import SITE_KEY, Stage, StageError
from ringtrace.gateways.voximplant.emulator.case import Answer, Case
from ringtrace.gateways.voximplant.emulator.session import run as run_scenario

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
_HIT_SECONDS = 10.0


class Day:
    """One playing of a script; `visit_ids` tells afterwards which visit was which."""

    def __init__(self, script: Script, where: Stage, said: Callable[[str], None]) -> None:
        self._script = script
        self._stage = where
        self._said = said
        self._lines: dict[str, asyncio.Lock] = {}
        self._session_ids = itertools.count(time.time_ns() // 1_000_000)
        self.visit_ids: dict[str, str] = {}
        self.numbers: dict[int, str] = {}

    async def play(self) -> None:
        """Every visit holds its number while it calls; no more visitors at once than numbers."""
        pool = self._script.pool
        places = asyncio.Semaphore(len(pool.numbers) if pool else 1)
        async with (
            httpx.AsyncClient(timeout=_HIT_SECONDS, trust_env=False) as browser,
            asyncio.TaskGroup() as tasks,
        ):
            for index, call in enumerate(self._script.call):
                if call.number is not None:
                    tasks.create_task(self._call(index, call, call.number))
            for visit in self._script.visit:
                await places.acquire()
                number = await self._arrive(browser, visit)
                task = tasks.create_task(self._stay(browser, visit, number))
                task.add_done_callback(lambda _: places.release())

    async def _arrive(self, browser: httpx.AsyncClient, visit: VisitPart) -> str:
        visit_id = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
        self.visit_ids[visit_id] = visit.id
        body = await self._hit(browser, visit, visit_id, "page")
        if body is None or body["number"] is None:
            raise StageError(f"visit {visit.id!r} was shown no number: {body}")
        number: str = body["number"]["e164"]
        self._said(f"visit  {visit.id}: is shown {body['number']['national']}")
        return number

    async def _stay(self, browser: httpx.AsyncClient, visit: VisitPart, number: str) -> None:
        visit_id = next(key for key, name in self.visit_ids.items() if name == visit.id)
        for index, call in enumerate(self._script.call):
            if call.from_visit == visit.id:
                await self._call(index, call, number)
        await self._hit(browser, visit, visit_id, "leave")

    async def _hit(
        self, browser: httpx.AsyncClient, visit: VisitPart, visit_id: str, kind: str
    ) -> dict[str, dict[str, str]] | None:
        page = urlsplit(visit.url)
        answer = await browser.post(
            f"{self._stage.url}/t/hit",
            json={
                "site": SITE_KEY, "kind": kind, "visitor": visit_id[::-1], "visit": visit_id,
                "url": visit.url, "referrer": visit.referrer,
            },
            headers={"Origin": f"{page.scheme}://{page.netloc}", "User-Agent": _BROWSER},
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def _call(self, index: int, call: CallPart, number: str) -> None:
        self.numbers[index] = number
        # The agents know a call by its number, so one at a time to each.
        async with self._line(number):
            if call.gateway == "sip":
                said = await self._call_sip(call, number)
            else:
                said = await asyncio.to_thread(self._call_voximplant, call, number)
        self._said(f"call   {call.gateway} from {call.caller} to {number}: {said}")

    @contextlib.asynccontextmanager
    async def _line(self, number: str) -> AsyncIterator[None]:
        async with self._lines.setdefault(number, asyncio.Lock()):
            yield

    async def _call_sip(self, call: CallPart, number: str) -> str:
        self._stage.behaviours[number] = _behaviour(call)
        phone = await Phone.open("127.0.0.1")
        try:
            talk = call.talk if call.agent == "answers" else None
            result = await phone.call(
                f"sip:{number}@{self._stage.sip_address}",
                call.caller,
                Calling(tone_hz=call.caller_tone, talk_seconds=talk),
            )
        finally:
            await phone.close()
        return f"SIP {result.code}, talked {result.talk_seconds:.1f} s"

    def _call_voximplant(self, call: CallPart, number: str) -> str:
        """One session of the scenario in the emulator, against the real backend."""
        server = urlsplit(self._stage.url)
        fallback = self._script.pool.target if self._script.pool else number
        case = Case(
            destination=number.removeprefix("+"),
            caller=call.caller.removeprefix("+"),
            answers=(_answer(call),),
            http="real",
            http_hosts=(server.netloc,),
            secrets={
                "RINGTRACE_URL": self._stage.url,
                "RINGTRACE_TOKEN": self._stage.voximplant_token,
                "RINGTRACE_FALLBACK": fallback,
            },
        )
        scenario = files("ringtrace.gateways.voximplant") / "scenario.js"
        result = run_scenario(
            [scenario.read_text("utf-8")], case, session_id=next(self._session_ids)
        )
        legs = ", ".join(leg.result for leg in result.legs)
        return f"{legs}; {result.finish_reason}"


def _behaviour(call: CallPart) -> Behaviour:
    match call.agent:
        case "answers":
            return Answers(after=1.0, tone_hz=call.agent_tone)
        case "busy":
            return Refuses(486, after=0.3)
        case "no_answer":
            return NeverAnswers()


def _answer(call: CallPart) -> Answer:
    match call.agent:
        case "answers":
            return Answer("*", ring=1.0, answer=4.0, talk=call.talk)
        case "busy":
            return Answer("*", fail=486, after=1.0)
        case "no_answer":
            return Answer("*", ring=1.0)
