"""The benchmark of growth, with the smallest counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import growth
from benchmarks.growth import Options

HOT = ["report_pool", "hit_page", "plan_pool"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> dict[str, dict[str, Any]]:
    """By the own client, so that it runs where wrk is not installed."""
    options = Options(
        visits=660,
        scales=(1, 2),
        pools=(20, 40),
        clients=(1, 2),
        rounds=1,
        connections=4,
        looks=1,
        cache=cache,
        results=tmp_path_factory.mktemp("results"),
        own_client=True,
    )
    paths = growth.run(options)
    return {path.stem[: -len("-2026-11-23")]: json.loads(path.read_text()) for path in paths}


@pytest.mark.parametrize(
    ("part", "sizes"),
    [
        ("growth_data", [660, 1_320]),
        ("growth_pool", [20, 40]),
        ("growth_clients", [1, 2]),
    ],
)
def test_every_size_is_set_beside_the_smallest(
    documents: dict[str, dict[str, Any]], part: str, sizes: list[int]
) -> None:
    subjects = documents[part]["subjects"]

    assert [name for name in subjects if not name.endswith("_floor")] == HOT
    for points in subjects.values():
        assert [one["size"] for one in points] == sizes
        assert points[0]["ratios"]["cpu_us"]["median"] == 1
        assert all(min(one["figures"].values()) > 0 for one in points)


def test_connections_are_also_counted_against_the_floor(
    documents: dict[str, dict[str, Any]],
) -> None:
    assert [f"{name}_floor" for name in HOT] == list(documents["growth_clients"]["subjects"])[3:]


def test_the_pages_that_somebody_waits_for_are_looked_at(
    documents: dict[str, dict[str, Any]],
) -> None:
    pages = documents["growth_data"]["pages"]

    assert pages.keys() == {"overview", "calls", "call", "channels", "channels_ever"}
    assert all(one["figures"]["p50_ms"] > 0 for points in pages.values() for one in points)


def test_what_is_filled_is_kept_for_the_next_run(
    documents: dict[str, dict[str, Any]], cache: Path
) -> None:
    assert documents["growth_data"]["days"] == [growth.DAYS, 2 * growth.DAYS]
    assert len(list(cache.glob("*/ringtrace.db"))) == 2
    assert all(any(one.glob("lake/**/*.parquet")) for one in cache.iterdir())
