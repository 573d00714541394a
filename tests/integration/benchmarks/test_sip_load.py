"""The benchmark of the SIP node, with the smallest counts."""

import json
from typing import Any

import pytest

from benchmarks import sip_load
from benchmarks.sip_load import Options

pytestmark = pytest.mark.phones


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    options = Options(
        rounds=1,
        calls=10,
        rate=20,
        spoken_rate=10,
        concurrent=4,
        talk=1,
        memory_calls=40,
        results=tmp_path_factory.mktemp("results"),
    )
    found: dict[str, Any] = json.loads(sip_load.run(options).read_text("utf-8"))
    return found


def test_the_node_is_set_beside_the_floor(document: dict[str, Any]) -> None:
    assert document["subjects"].keys() == {"signalling", "recorded"}
    for one in (document["floor"], *document["subjects"].values()):
        assert one["failed"] == 0
        assert one["cpu_ms"] > 0


def test_no_packet_and_no_report_is_lost(document: dict[str, Any]) -> None:
    assert (document["concurrent"]["calls"], document["concurrent"]["packets_lost"]) == (4, 0)
    assert document["reports"]["reported"] == document["reports"]["placed"] >= 40
    assert document["memory"]["mib_after"] > 10
