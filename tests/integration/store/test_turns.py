"""Jobs that one of several servers over the same data does at a time."""

import pytest

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres.store import PostgresStore
from tests.citus import plain_only
from tests.postgres import Postgres, postgres_server
from tests.stores import Place

JOB = "learning"


async def test_a_server_that_has_the_data_to_itself_does_every_job(place: Place) -> None:
    store = await place.open()

    for _ in range(2):
        async with store.alone(JOB) as mine, store.alone("another") as other:
            assert (mine, other) == (True, True)


async def test_of_two_servers_one_does_a_job_at_a_time(postgres: Postgres) -> None:
    url = await postgres.database()
    first, second = await PostgresStore.open(url), await PostgresStore.open(url)
    begun = []

    async def fail() -> None:
        async with first.alone(JOB) as mine:
            begun.append(mine)
            for _ in range(2):
                async with second.alone(JOB) as also, second.alone("another") as other:
                    begun.extend((also, other))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    # What goes wrong in a job keeps nobody else from it.
    async with second.alone(JOB) as now:
        begun.append(now)
    await first.close()
    await second.close()

    assert begun == [True, False, True, False, True, True]


@plain_only
async def test_a_server_that_has_lost_its_database_is_not_waited_for() -> None:
    with postgres_server() as own:
        url = await own.database()
        first, second = await PostgresStore.open(url), await PostgresStore.open(url)
        async with first.alone(JOB) as mine:
            own.kill()
            with pytest.raises(StoreAwayError):
                await second.alone(JOB).__aenter__()
            own.start()
            async with second.alone(JOB) as also:
                assert (mine, also) == (True, True)
        await first.close()
        await second.close()
