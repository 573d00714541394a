"""What holds for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import citus
from tests.postgres import Postgres, postgres_server

_UNIT = Path(__file__).parent / "unit"

# How long an example takes is the machine's affair: speed is measured by benchmarks.
settings.register_profile("ringtrace", deadline=None)
settings.load_profile("ringtrace")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres | citus.Citus]:
    """One server for all tests that need one; each takes a new database of it."""
    if citus.URL is not None:
        with citus.distributed(citus.URL) as cluster:
            yield cluster
        return
    with postgres_server() as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is measured is what the unit tests cover: measuring slows down all that it looks at.

    Sound is 50 packets a second of each telephone, and a machine that stands still for a third of
    a second in mid-call breaks it: a call is placed up to three times. The summary tells of each.
    """
    for item in items:
        if not item.path.is_relative_to(_UNIT):
            item.add_marker(pytest.mark.no_cover)
        if item.get_closest_marker("phones"):
            item.add_marker(pytest.mark.flaky(reruns=2))
