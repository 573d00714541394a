"""A house over a temporary folder, with two accounts that must never see each other."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from ringtrace.bootstrap import open_house
from ringtrace.config import Settings
from ringtrace.domain.account import TokenKind
from ringtrace.services.setup_form import read_setup
from tests.postgres import Postgres
from tests.shop import FOREIGN, POOL, RADIO, Clock, Shop, setup_of


@pytest.fixture
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of the shop's house: over a file, or as `@on_every_store` says; a module may have its own."""
    house = Settings(tmp_path / "data", outbound_networks=("127.0.0.1",))
    if getattr(request, "param", "sqlite") == "sqlite":
        return house
    server: Postgres = request.getfixturevalue("postgres")
    url = await server.database(partitioned=request.param == "partitioned")
    return replace(house, database_url=url)


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    clock = Clock()
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    house = await open_house(settings, clock, cheap)
    use_cases = house.use_cases
    counter = itertools.count(1)

    def ids() -> str:
        return f"{clock.now:012x}{next(counter):020x}"

    other = await use_cases.open_account("Stranger", "US", "stranger")
    await use_cases.apply_setup(1, read_setup(setup_of("shop", RADIO, [POOL, "+12025550112"])))
    await use_cases.apply_setup(
        other.account_id, read_setup(setup_of("foreign", FOREIGN, ["+12025550211"]))
    )
    tokens = {kind.value: await use_cases.issue_token(1, kind) for kind in TokenKind}
    foreign = {
        kind.value: await use_cases.issue_token(other.account_id, kind) for kind in TokenKind
    }
    own = house.settings.password_file.read_text().strip()
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ringtrace.test") as client:
        yield Shop(
            house,
            clock,
            client,
            tokens,
            foreign,
            {1: ("admin", own), other.account_id: ("stranger", other.password)},
            ids,
        )
    await house.close()
