"""The HTTP server of one process."""

import gc
from collections.abc import Iterator

import pytest

from ringtrace.http_server import collect_garbage_rarely

# As many as a hundred thousand visits leave in memory.
_KEPT = 500_000


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def _full_looks() -> int:
    return int(gc.get_stats()[2]["collections"])


def test_many_new_visits_do_not_make_the_collector_look_at_all_objects() -> None:
    collect_garbage_rarely()
    before = _full_looks()

    kept = [[number] for number in range(_KEPT)]

    assert len(kept) == _KEPT
    assert _full_looks() == before


def test_garbage_in_cycles_is_still_collected() -> None:
    collect_garbage_rarely()
    collected = sum(one["collected"] for one in gc.get_stats())

    for _ in range(60_000):
        cycle: list[object] = []
        cycle.append(cycle)

    assert sum(one["collected"] for one in gc.get_stats()) > collected
