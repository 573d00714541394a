"""`ringtrace db distribute` at a shell."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from ringtrace.cli import main
from tests import citus
from tests.postgres import Postgres


def distribute(*args: str) -> Result:
    return CliRunner().invoke(main, ["db", "distribute", *args], env={"DATABASE_URL": None})


def test_the_check_of_a_cluster_says_what_it_wants() -> None:
    check = Path(__file__).parents[3] / "deploy" / "citus-check"

    helped = subprocess.run([check, "--help"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    unasked = subprocess.run([check], capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert "citus_add_node" in helped.stdout
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert unasked.stderr == helped.stdout


@pytest.fixture
def url(postgres: Postgres) -> str:
    async def made() -> str:
        found = await postgres.empty_database()
        connection = await asyncpg.connect(found)
        await connection.execute(citus.PRETENCE)
        await connection.close()
        return found

    return asyncio.run(made())


def test_a_dry_run_prints_what_a_run_prints_and_a_second_run_has_nothing_to_do(url: str) -> None:
    planned = distribute("--database-url", url, "--dry-run", "--shards", "16")
    ran = distribute("--database-url", url, "--shards", "16")
    again = distribute("--database-url", url)

    assert [one.exit_code for one in (planned, ran, again)] == [0, 0, 0]
    assert planned.stdout == ran.stdout
    assert "'accounts', 'account_id', shard_count => 16, colocate_with => 'none'" in ran.stdout
    assert again.stdout == ""
    assert "nothing is left to do" in again.stderr


def test_what_cannot_be_distributed_is_refused_with_a_reason(postgres: Postgres, url: str) -> None:
    plain = asyncio.run(postgres.empty_database())
    away = "postgresql://ringtrace@127.0.0.1:1/none"

    refused = distribute("--database-url", plain)
    unreachable = distribute("--database-url", away)
    unnamed = distribute()

    assert (refused.exit_code, unreachable.exit_code, unnamed.exit_code) == (2, 1, 2)
    assert "CREATE EXTENSION citus" in refused.stderr
    assert "does not answer" in unreachable.stderr
    assert "DATABASE_URL" in unnamed.stderr
    assert distribute("--database-url", url, "--shards", "0").exit_code == 2
