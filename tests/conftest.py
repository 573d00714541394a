"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres import Postgres, postgres_server

# How long an example takes is the machine's affair: speed is measured by benchmarks.
settings.register_profile("ringtrace", deadline=None)
settings.load_profile("ringtrace")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests that need one; each takes a new database of it."""
    with postgres_server() as server:
        yield server
