"""The benchmark of the hot routes, with the smallest counts."""

import asyncio
import json
from typing import Any

import pytest

from benchmarks import hot_routes
from benchmarks.hot_routes import Options
from benchmarks.measure import Tally
from tests.postgres import Postgres

SUBJECTS = {"plan", "plan_pool", "report", "report_pool", "hit_page", "hit_beat"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def document(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, postgres: Postgres
) -> dict[str, Any]:
    """By the own client, so that it runs where wrk is not installed."""
    over_database = request.param == "postgresql"
    options = Options(
        rounds=1,
        seconds=1,
        profile_seconds=1,
        concurrency=(64,),
        exact=40,
        results=tmp_path_factory.mktemp("results"),
        own_client=True,
        warm=False,
        database_url=asyncio.run(postgres.empty_database()) if over_database else None,
    )
    found: dict[str, Any] = json.loads(hot_routes.run(options).read_text("utf-8"))
    return found


def test_every_subject_is_set_beside_the_floor(document: dict[str, Any]) -> None:
    assert document["subjects"].keys() == SUBJECTS
    for (result,) in document["subjects"].values():
        assert result["connections"] == 64
        assert result["answered"] > 0
        assert result["failed"] == 0
        assert 0 < result["rate_ratio"]["min"] <= result["rate_ratio"]["max"]
        assert result["p50_us"] <= result["p99_us"]


def test_the_bars_of_the_design_are_judged(document: dict[str, Any]) -> None:
    hits = ">= 0.5" if document["store"] == "sqlite" else ">= 0.4"
    assert [bar["bar"] for bar in document["bars"]] == [">= 0.8", ">= 0.8", hits, "<= 3.0"]
    assert all(isinstance(bar["met"], bool) for bar in document["bars"])


def test_it_is_said_where_the_time_goes(document: dict[str, Any]) -> None:
    layers = document["layers"]
    if not layers:
        pytest.skip("this machine lets nobody look at another process")
    assert layers.keys() == {"plan", "hit_page"}
    hit = layers["hit_page"]
    assert min(hit["http"], hit["web"], hit["services"]) > 0
    if document["store"] == "sqlite":
        assert (hit["writer"] > 0, hit["database"]) == (True, 0)
    else:
        assert hit["database"] > 0


def test_it_is_said_what_was_measured_where(document: dict[str, Any]) -> None:
    assert document["machine"]["cores"] > 0
    assert document["versions"].keys() >= {"python", "sqlite", "uvicorn", "msgspec"}
    assert document["client"] == "own"


def test_what_was_acknowledged_is_stored_even_when_the_server_is_killed(
    document: dict[str, Any],
) -> None:
    for stored in (document["stored"]["visits"], document["stored"]["reports"]):
        assert stored["acknowledged"] <= stored["stored"] <= stored["sent"]
    assert document["killed"] == {"visits": 40, "reports": 10, "missing": 0}


@pytest.mark.parametrize("stored", [99, 111])
def test_a_count_that_does_not_fit_is_an_error(stored: int) -> None:
    with pytest.raises(hot_routes.NotDurableError):
        hot_routes.expect_stored("visits", Tally(sent=110, acknowledged=100), stored)
