"""The database goes away amid traffic: nobody waits for it, and all is back when it is.

RINGTRACE_STORE_AWAY is for how many seconds (30 in `make soak`).
"""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from ringtrace.config import Settings
from tests import soak
from tests.console import sign_in
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import BROWSER, ORIGIN, POOL, RADIO, REPORT, TARGET, bearer, rfc, setup_of

AWAY_SECONDS = float(os.environ.get("RINGTRACE_STORE_AWAY", "3"))
POSTER, CODE, BARN = "+12025550102", "6179", "+12025550193"
NUMBERS = [POOL, *(f"+12025550{n}" for n in range(112, 190))]

RING_SECONDS: Final = 0.5
"""A SIP node waits so long for a plan before it goes by the one that it has kept."""

PAGE_SECONDS: Final = 2.5
"""The tag waits so long for a number."""

SOON_SECONDS: Final = 0.5
"""Once it is known that the store is away."""

BACK_SECONDS: Final = 10.0


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of its own: it is stopped."""
    with postgres_server() as one:
        yield one


@dataclass
class Answers:
    """How long each kind of question took, in seconds, while the store was away."""

    took: dict[str, list[float]] = field(default_factory=dict)

    def slowest(self, kind: str) -> float:
        return max(self.took[kind])

    def figures(self) -> dict[str, dict[str, float]]:
        return {
            kind: {
                "asked": len(took),
                "p50_ms": round(1_000 * sorted(took)[len(took) // 2], 1),
                "slowest_ms": round(1_000 * max(took), 1),
            }
            for kind, took in self.took.items()
        }


class House:
    """A server as browsers, gateways and people meet it."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.answers = Answers()
        self.arrived: dict[str, str] = {}
        """The number that each call came to."""
        self.reported: set[str] = set()
        self.refused = 0
        self._gateway = bearer(token)
        self._names = itertools.count()
        self._last_visit = new_visit()

    async def view(self, visit: str) -> str | None:
        """The number shown; None: the store is away, so the page keeps its own."""
        answer = await self._hit("page", visit)
        said: dict[str, Any] = answer.json()
        if said["number"] is None:
            assert said["reason"] == "store_away"
            return None
        return str(said["number"]["e164"])

    async def visit(self) -> None:
        self._last_visit = new_visit()
        assert await self.view(self._last_visit) is None

    async def beat(self) -> None:
        answer = await self._hit("beat", self._last_visit)
        assert (answer.status_code, answer.json()["error_id"]) == (503, "store_away")

    async def _hit(self, kind: str, visit: str) -> httpx.Response:
        body = {"site": "shop", "kind": kind, "visitor": visit, "visit": visit, "url": ORIGIN}
        headers = {"Origin": ORIGIN, "User-Agent": BROWSER}
        return await self.client.post("/t/hit", json=body, headers=headers)

    async def call(self) -> None:
        """Of a pool number, whose flow asks which visit calls."""
        plan = await self._arrive(self._name(), POOL)
        assert plan["steps"][0]["targets"][0]["to"] == TARGET

    async def key(self) -> None:
        """A caller is asked for an extension, and keys it."""
        call = self._name()
        asked = await self._arrive(call, POSTER)
        assert asked["steps"][0]["do"] == "collect"
        answer = await self._gateway_post(f"/{call}/digits", {"digits": CODE})
        assert answer.status_code == 200, answer.text
        assert answer.json()["steps"][0]["targets"][0]["to"] == BARN

    async def _arrive(self, call: str, number: str) -> dict[str, Any]:
        body = {"call": call, "number": number, "caller": "+12025550177", "started_at": rfc(now())}
        answer = await self._gateway_post("", body)
        assert answer.status_code == 200, answer.text
        self.arrived[call] = number
        plan: dict[str, Any] = answer.json()
        return plan

    async def report(self) -> None:
        """A gateway keeps what was not taken, and sends it again."""
        call = next(iter(self.arrived.keys() - self.reported), None)
        if call is None:
            return
        body = REPORT | {"number": self.arrived[call], "started_at": rfc(now())}
        answer = await self._gateway_post(f"/{call}/report", body)
        if answer.status_code == 200:
            self.reported.add(call)
        else:
            assert (answer.status_code, answer.json()["error_id"]) == (503, "store_away")
            self.refused += 1

    async def _gateway_post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.client.post(f"/gateway/v1/calls{path}", json=body, headers=self._gateway)

    async def alive(self) -> None:
        answer = await self.client.get("/gateway/v1/alive", headers=self._gateway)
        assert answer.status_code == 204

    async def console(self) -> None:
        page = await self.client.get("/calls")
        assert page.status_code == 503, page.status_code
        assert "<html" in page.text

    async def health(self) -> str:
        answer = await self.client.get("/health")
        assert answer.status_code == 200
        return str(answer.json()["store"])

    def _name(self) -> str:
        return f"call-{next(self._names)}"

    @contextlib.asynccontextmanager
    async def asked(self) -> AsyncIterator[None]:
        """All of them at once, again and again, while entered."""
        ending = asyncio.Event()

        async def go_on(kind: str, ask: Callable[[], Awaitable[None]]) -> None:
            took = self.answers.took.setdefault(kind, [])
            while not ending.is_set():
                began = time.monotonic()
                await ask()
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as tasks:
            for ask in (self.visit, self.beat, self.call, self.key, self.report, self.alive,
                        self.console):  # fmt: skip
                tasks.create_task(go_on(ask.__name__, ask))
            yield
            ending.set()


def now() -> int:
    return time.time_ns() // 1_000_000


def new_visit() -> str:
    return f"{now():012x}{os.urandom(10).hex()}"


@contextlib.asynccontextmanager
async def opened(data: Path, database_url: str) -> AsyncIterator[House]:
    async with contextlib.AsyncExitStack() as parts:
        log = data / "log"
        _, url = await parts.enter_async_context(server(data, log=log, database_url=database_url))
        client = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60)
        )
        settings = Settings(data)
        api = bearer(settings.api_token_file.read_text().strip())
        (await client.put("/api/v1/setup", json=shop(), headers=api)).raise_for_status()
        token = (await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)).json()
        await sign_in(client, "admin", settings.password_file.read_text().strip())
        yield House(client, token["token"])


def shop() -> dict[str, Any]:
    """Calls of its pool are told apart by their visits; its poster has a code."""
    document: dict[str, Any] = setup_of("shop", RADIO, NUMBERS)
    dial = {"do": "dial", "targets": [TARGET], "whisper": "A call from {channel}"}
    document["flow"] = [{"name": "front", "step": [dial]}]
    document["site"][0]["pool"] = {"numbers": NUMBERS, "flow": "front"}
    code = {"code": CODE, "channel": "Poster", "campaign": "Barn", "target": BARN}
    document["number"].append(
        {"number": POSTER, "channel": "Poster", "target": TARGET, "extension": [code]}
    )
    return document


async def until(met: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    while not await met():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@contextlib.contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


@contextlib.contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    postgres.kill()
    yield
    postgres.start()


@pytest.mark.parametrize("gone", [frozen, stopped], ids=["hangs", "refuses"])
async def test_nobody_waits_for_a_store_that_is_away_and_all_is_back_when_it_is(
    tmp_path: Path,
    postgres: Postgres,
    gone: Callable[[Postgres], contextlib.AbstractContextManager[None]],
) -> None:
    async with opened(tmp_path, await postgres.database()) as house:
        known = {visit: await house.view(visit) for visit in (new_visit() for _ in range(20))}
        assert await house.health() == "ok"

        with gone(postgres):
            # Who asks at this moment is the last one to wait.
            noticed = asyncio.create_task(until(lambda: says(house, "away"), PAGE_SECONDS))
            first = await asyncio.gather(*(timed(house) for _ in range(20)))
            silence = await noticed
            async with house.asked():
                await asyncio.sleep(AWAY_SECONDS)
            assert await house.health() == "away"
        back = await until(lambda: says(house, "ok"), BACK_SECONDS)
        back += await until(lambda: is_shown(house), BACK_SECONDS)

        for visit, number in known.items():
            assert await house.view(visit) == number
        while house.reported < house.arrived.keys():
            await house.report()
        assert (await house.client.get("/calls")).status_code == 200
        listed = (await house.client.get("/api/v1/calls", headers=api_of(tmp_path))).json()

    assert max(first) < PAGE_SECONDS
    for kind in ("call", "alive"):
        assert house.answers.slowest(kind) < RING_SECONDS, house.answers.figures()
    assert house.answers.slowest("key") < 2 * RING_SECONDS, "a plan, and another one"
    for kind in ("visit", "beat", "report", "console"):
        assert house.answers.slowest(kind) < SOON_SECONDS, house.answers.figures()
    assert house.refused > 0
    assert listed["total"] == len(house.arrived) == len(house.reported)
    assert "request_failed" not in (tmp_path / "log").read_text()
    figures = {
        "away_seconds": AWAY_SECONDS,
        "noticed_after_seconds": round(silence, 3),
        "slowest_hit_until_noticed_ms": round(1_000 * max(first), 1),
        "back_after_seconds": round(back, 3),
        "reports_refused_then_kept_once": len(house.reported),
        "answers": house.answers.figures(),
    }
    soak.keep(f"store_away_{gone.__name__}", figures, tmp_path)


async def says(house: House, store: str) -> bool:
    return await house.health() == store


async def timed(house: House) -> float:
    began = time.monotonic()
    await house.view(new_visit())
    return time.monotonic() - began


async def is_shown(house: House) -> bool:
    return await house.view(new_visit()) is not None


def api_of(data: Path) -> dict[str, str]:
    return bearer(Settings(data).api_token_file.read_text().strip())


async def test_a_restart_of_the_database_is_over_within_seconds(
    tmp_path: Path, postgres: Postgres
) -> None:
    async with opened(tmp_path, await postgres.database()) as house:
        visit = new_visit()
        number = await house.view(visit)

        for _ in range(3):
            await asyncio.to_thread(postgres.restart_immediately)
            await until(lambda: is_shown(house), BACK_SECONDS)
            assert await house.view(visit) == number
            assert await house.health() == "ok"
