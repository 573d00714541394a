"""`ringtrace serve --workers`: several processes answer as one server."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.domain.extension import code
from tests.console import sign_in
from tests.integration.test_kill import in_database
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import BROWSER, ORIGIN, TARGET, bearer, setup_of
from tests.sipnode import free_port
from tests.traffic import CLIENTS, Traffic, found, set_up
from tests.workers import POOL, RADIO, Workers, until, workers

POSTER, BARN, DESK = "+12025550131", "+12025550192", "+12025550193"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One that tests may stop."""
    with postgres_server(durable=True) as server:
        yield server


@pytest.fixture
async def crew(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Workers]:
    async with workers(tmp_path / "data", await postgres.empty_database()) as crew:
        await crew.set_up()
        yield crew


def poster() -> dict[str, Any]:
    extension = {"code": code(1), "channel": "Poster", "campaign": "Barn", "target": BARN}
    poster = {"number": POSTER, "channel": "Poster", "target": TARGET, "extension": [extension]}
    return {"number": [poster]}


def targets(plan: httpx.Response) -> list[str]:
    assert plan.status_code == 200, plan.text
    dials = [step for step in plan.json()["steps"] if step["do"] == "dial"]
    return [target["to"] for dial in dials for target in dial["targets"]]


async def test_a_first_start_happens_once_and_says_who_is_who(crew: Workers) -> None:
    assert crew.said.count("first_start password_file=") == 1
    assert crew.said.count("Ringtrace runs at") == 1
    assert re.search(r"^worker-1 \| .* INFO first_start", crew.said, re.MULTILINE)
    password = Settings(crew.data).password_file.read_text().strip()
    for client in crew.at:
        assert (await client.get("/health")).json() == {
            "status": "ok",
            "store": "ok",
            "workers": {"running": 2, "wanted": 2},
        }
    signed_in = await sign_in(crew.at[0], "admin", password)
    assert signed_in.status_code == 303
    crew.at[1].cookies = crew.at[0].cookies
    assert (await crew.at[1].get("/")).status_code == 200, "a session holds at every worker"


async def test_what_one_worker_is_told_the_other_knows_when_that_is_acknowledged(
    crew: Workers,
) -> None:
    for turn in range(10):
        told, asked = turn % 2, 1 - turn % 2
        target = f"+1202555{3000 + turn}"
        number = {"number": RADIO, "channel": "Radio", "target": target}
        applied = await crew.at[told].put(
            "/api/v1/setup", json={"number": [number]}, headers=crew.api
        )
        applied.raise_for_status()

        assert targets(await crew.arrive(asked, f"call-{turn}")) == [target]


async def test_digits_lead_on_whichever_worker_they_come_to_also_without_a_store(
    crew: Workers, postgres: Postgres
) -> None:
    applied = await crew.at[0].put("/api/v1/setup", json=poster(), headers=crew.api)
    applied.raise_for_status()
    postgres.kill()
    try:
        for worker in (0, 1):
            plan = await crew.arrive(worker, f"call-{worker}", number=POSTER)
            assert plan.json()["steps"][0]["do"] == "collect"
            await asyncio.sleep(0.1)  # nobody keys faster
            keyed = await crew.ask(1 - worker, f"call-{worker}/digits", {"digits": code(1)})
            assert targets(keyed) == [BARN]
    finally:
        postgres.start()


async def test_every_worker_answers_calls_from_memory_when_the_store_is_away(
    crew: Workers, postgres: Postgres
) -> None:
    postgres.kill()
    try:
        for worker in (0, 1):
            began = time.monotonic()
            assert targets(await crew.arrive(worker, f"away-{worker}")) == [TARGET]
            assert time.monotonic() - began < 1
    finally:
        postgres.start()


async def test_a_cap_holds_over_all_workers(crew: Workers) -> None:
    wish = {"leg": 1, "target": DESK, "most_calls": 1}

    answers = await asyncio.gather(
        *(crew.ask(n % 2, f"c{n}/legs", wish) for n in range(20)),
    )
    (ringing,) = (n for n, answer in enumerate(answers) if answer.json()["free"])
    other = 1 - ringing % 2
    assert not (await crew.ask(other, "next/legs", wish)).json()["free"]

    await crew.ask(other, f"c{ringing}/legs", {"leg": 1})
    assert (await crew.ask(ringing % 2, "next/legs", wish)).json()["free"]
    crew.kill(1 + ringing % 2)
    assert not (await crew.ask(other, "last/legs", wish)).json()["free"], "a death frees nobody"


async def test_without_the_count_of_all_each_worker_goes_by_its_own(crew: Workers) -> None:
    wish = {"leg": 1, "target": DESK, "most_calls": 1}
    assert (await crew.ask(0, "a/legs", wish)).json()["free"]
    os.kill(crew.keeper.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert not (await crew.ask(0, "b/legs", wish)).json()["free"]
        assert (await crew.ask(1, "b/legs", wish)).json()["free"], "better than nobody"
        assert targets(await crew.arrive(1, "c")) == [TARGET]
        assert time.monotonic() - began < 2
    finally:
        os.kill(crew.keeper.pid, signal.SIGCONT)


async def test_a_caller_who_calls_too_often_is_known_to_all(crew: Workers) -> None:
    rules = {"too_many": True, "too_many_calls": 3, "too_many_minutes": 10}
    applied = await crew.at[0].put("/api/v1/setup", json={"spam": rules}, headers=crew.api)
    applied.raise_for_status()
    asked = []
    for n in range(5):
        plan = await crew.arrive(n % 2, f"often-{n}", caller="+12025550166")
        asked.append(plan.json()["steps"][0]["do"] != "dial")
        await asyncio.sleep(0.05)

    assert asked == [False, False, True, True, True]


async def test_a_gateway_is_heard_by_all(crew: Workers) -> None:
    alive = await crew.at[0].get("/gateway/v1/alive", headers=crew.gateway)
    assert alive.status_code == 204
    told: list[Any] = []
    deadline = time.monotonic() + 5
    while not told and time.monotonic() < deadline:
        told = (await crew.at[1].get("/api/v1/gateways", headers=crew.api)).json()["gateways"]
        await asyncio.sleep(0.01)
    assert [one["gateway"] for one in told] == ["sip"]

    crew.kill(2)
    await crew.all_run()
    crew.at[1].headers["Connection"] = "close"
    for _ in range(6):
        told = (await crew.at[1].get("/api/v1/gateways", headers=crew.api)).json()["gateways"]
        assert [one["gateway"] for one in told] == ["sip"], "who comes new is told"


async def test_tries_to_sign_in_count_wherever_they_are_made(crew: Workers) -> None:
    """Each of the two hears of no more than five, which are free."""
    refused = [await sign_in(crew.at[n % 2], "admin", "wrong") for n in range(10)]

    assert [answer.status_code for answer in refused[:5]] == [401] * 5
    assert 429 in {answer.status_code for answer in refused[5:]}


async def test_metrics_are_those_of_the_server_and_never_fall(crew: Workers) -> None:
    async def plans(worker: int) -> float:
        told = await crew.at[worker].get("/metrics", headers=crew.api)
        assert told.status_code == 200
        if 'process_resident_memory_bytes{worker="1"}' not in told.text:
            return 0  # a worker that has just started has not told of itself yet
        (count,) = re.findall(
            r'ringtrace_http_seconds_count\{route="/gateway/v1/calls",status="200"\} (\S+)',
            told.text,
        )
        return float(count)

    async def at_last(worker: int, count: int) -> float:
        """A request is counted when its answer has left."""
        while (found := await plans(worker)) < count:
            pass
        return found

    for n in range(7):
        await crew.arrive(n % 2, f"m{n}")
    assert [await at_last(0, 7), await at_last(1, 7)] == [7, 7]

    crew.kill(1)
    await crew.all_run()
    assert await plans(1) == 7, "what a dead worker had told stays counted"
    await crew.arrive(1, "m8")
    assert await at_last(1, 8) == 8


async def test_a_flood_from_one_address_is_one_flood(tmp_path: Path, postgres: Postgres) -> None:
    url = await postgres.empty_database()
    async with workers(tmp_path / "data", url, "--hits-per-address", "10") as crew:
        await crew.set_up()

        async def let_through(worker: int, count: int) -> int:
            answers = [await page(crew.at[worker], n) for n in range(count)]
            return sum(answer["reason"] != "rate_limited" for answer in answers)

        assert await let_through(0, 20) == 20
        await asyncio.sleep(0.3)
        await let_through(0, 1)  # what was let through is told with the next hit
        await asyncio.sleep(0.1)
        assert await let_through(1, 20) <= 1


async def page(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    visit = f"{time.time_ns() // 1_000_000:012x}{number:020x}"
    body = {"site": "shop", "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN}
    answer = await client.post(
        "/t/hit", json=body, headers={"Origin": ORIGIN, "User-Agent": BROWSER}
    )
    told: dict[str, Any] = answer.json()
    return told


async def test_a_killed_worker_loses_nothing_acknowledged_and_comes_back(
    tmp_path: Path, postgres: Postgres
) -> None:
    """Browsers and gateways ask again when a connection breaks, and another worker answers."""
    database_url = await postgres.empty_database()
    async with (
        workers(tmp_path / "data", database_url) as crew,
        httpx.AsyncClient(base_url=crew.url, trust_env=False, timeout=20) as client,
    ):
        api_token = Settings(crew.data).api_token_file.read_text().strip()
        traffic = Traffic(client, await set_up(client, api_token))
        async with traffic.flowing():
            for number in (1, 2, 1):
                await traffic.until_acknowledged(4 * CLIENTS)
                crew.kill(number)
                await traffic.until_acknowledged(CLIENTS)
                await crew.all_run()

    assert traffic.repeated
    findings = found(traffic, await in_database(database_url))
    findings.expect_kept()


async def test_told_to_end_all_answer_what_is_under_way_and_end(crew: Workers) -> None:
    pids = [crew.pid(1), crew.pid(2)]

    crew.keeper.terminate()

    assert await asyncio.wait_for(crew.keeper.wait(), 30) == 0
    assert not Settings(crew.data).address_file.exists()
    assert not any(map(is_alive, pids))
    with pytest.raises(httpx.ConnectError):
        await httpx.AsyncClient(trust_env=False).get(crew.url)


async def test_workers_without_a_keeper_end(crew: Workers) -> None:
    pids = [crew.pid(1), crew.pid(2)]

    crew.keeper.kill()

    await until(lambda: not any(map(is_alive, pids)))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_one_node_runs_beside_all_and_outlives_a_worker(
    tmp_path: Path, postgres: Postgres
) -> None:
    config = tmp_path / "node.toml"
    port = free_port(socket.SOCK_DGRAM)
    config.write_text(
        f'listen_port = {port}\ntrusted_networks = ["127.0.0.0/8"]\n'
        'trunks = [{ host = "127.0.0.1:9" }]\nhealth_listen = "off"\n'
    )
    url = await postgres.empty_database()
    async with workers(tmp_path / "data", url, "--with-sip", str(config)) as crew:
        await until(lambda: "sip_node_ready" in crew.said)
        crew.kill(1)
        await until(lambda: crew.said.count("child_started name=worker-1") == 2)
        await crew.all_run()
        deadline = time.monotonic() + 10
        heard: list[Any] = []
        while not heard and time.monotonic() < deadline:
            told = await crew.at[1].get("/api/v1/gateways", headers=crew.api)
            heard = told.json()["gateways"]
            await asyncio.sleep(0.1)
        assert [one["gateway"] for one in heard] == ["sip"]
        assert crew.said.count("child_started name=sip-node") == 1
        crew.keeper.terminate()
        assert await asyncio.wait_for(crew.keeper.wait(), 60) == 0
    assert "child_killed" not in crew.said


async def refusal(data: Path, *options: str, database_url: str = "") -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringtrace", "serve", "--data", str(data), "--port", "0"),
        *options,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"DATABASE_URL": database_url},
    )
    _, said = await process.communicate()
    return process.returncode, " ".join(said.decode().split())


async def test_a_file_is_for_one_process(tmp_path: Path) -> None:
    status, said = await refusal(tmp_path / "data", "--workers", "2")

    assert status == 2
    assert "--workers 2: several processes need a PostgreSQL database" in said
    assert not (tmp_path / "data").exists()


async def test_what_keeps_one_worker_from_starting_keeps_all_and_is_said(tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    status, said = await refusal(tmp_path / "data", "--workers", "3", database_url=away)

    assert status == 1
    assert "Error: the database does not answer" in said
    assert not Settings(tmp_path / "data").address_file.exists()
    assert "worker-2" not in said


async def test_a_server_of_one_process_may_stand_beside_workers(
    crew: Workers, tmp_path: Path, postgres: Postgres
) -> None:
    """They share the database as servers on two machines do."""
    connection = await asyncpg.connect(postgres.url("postgres"))
    (name,) = [
        row["datname"]
        for row in await connection.fetch(
            "SELECT DISTINCT datname FROM pg_stat_activity WHERE application_name = 'ringtrace'"
        )
    ]
    await connection.close()
    async with server(tmp_path / "other", database_url=postgres.url(name)) as (_, url):
        document = setup_of("shop", RADIO, POOL) | poster()
        applied = await crew.at[1].put("/api/v1/setup", json=document, headers=crew.api)
        applied.raise_for_status()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            deadline = time.monotonic() + 10
            status = 0
            while status != 200 and time.monotonic() < deadline:
                answer = await client.post(
                    "/gateway/v1/calls",
                    json={"call": "x", "number": POSTER, "caller": None,
                          "started_at": "2026-11-23T06:30:00Z"},
                    headers=bearer(crew.token),
                )  # fmt: skip
                status = answer.status_code
                await asyncio.sleep(0.05)
            assert status == 200
