"""The benchmark of memory, with the smallest counts."""

import json
from pathlib import Path

from benchmarks import memory
from benchmarks.memory import Options


def test_memory_is_told_of_requests_pools_accounts_and_reports(tmp_path: Path) -> None:
    """By the own client, so that it runs where wrk is not installed."""
    options = Options(
        visits=(50,),
        others=(50,),
        pools=(20,),
        accounts=(1, 3),
        lake_visits=9_000,
        results=tmp_path,
        own_client=True,
    )

    pools, accounts, lake = (json.loads(path.read_text("utf-8")) for path in memory.run(options))

    (pool,) = pools["pools"]
    assert 30 < pool["start"] <= pool["set_up"]
    for kind in ("plan", "hit_beat", "hit_page"):
        (mark,) = pool[kind]
        assert mark["requests"] >= 50
        assert mark["mib"] > 30
    assert [one["accounts"] for one in accounts["accounts"]] == [1, 3]
    assert all(one["mib"] > 30 for one in accounts["accounts"])
    assert 30 < lake["lake"]["afterwards"] <= lake["lake"]["most"]
