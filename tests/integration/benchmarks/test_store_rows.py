"""The benchmark of the store alone, with the smallest counts."""

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.store_rows import Options, run
from tests.postgres import Postgres


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_store_is_set_beside_plain_inserts(
    tmp_path: Path, postgres: Postgres, store: str
) -> None:
    url = None if store == "sqlite" else asyncio.run(postgres.empty_database())

    document = json.loads(run(Options(1, 100, (64,), tmp_path, url)).read_text("utf-8"))

    assert document["store"] == store
    (result,) = document["results"]
    assert result["at_once"] == 64
    assert min(result["rate"], result["floor_rate"], result["ratio"], result["cpu_us"]) > 0
