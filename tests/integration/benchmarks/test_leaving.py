"""The benchmark of rows that leave, with the smallest counts."""

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.leaving import Options, run
from tests.postgres import Postgres


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_hits_beside_rows_that_leave_are_set_beside_hits_alone(
    tmp_path: Path, postgres: Postgres, store: str
) -> None:
    url = None if store == "sqlite" else asyncio.run(postgres.empty_database())

    path = run(Options(20_000, 1, 2.0, tmp_path, url))

    document = json.loads(path.read_text("utf-8"))
    assert document["store"] == store
    assert min(document["p99_ms_alone"]["min"], document["p99_ms_beside"]["min"]) > 0
    assert document["measured_and_bar"]["p99_ratio"][0] > 0
