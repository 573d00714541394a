"""What is asked all the time costs the same however much is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.past import Past, Shown
from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.source import Source
from ringtrace.store.sqlite.channels import channel_names
from ringtrace.store.sqlite.connection import connect
from ringtrace.store.sqlite.evidence import evidence
from ringtrace.store.sqlite.importing import SqliteImporting
from ringtrace.store.sqlite.store import SqliteStore
from ringtrace.store.sqlite.visits import VisitWriter
from tests.stores import ADS, CALLER, NOW, POOL, report, setup, view, visit_id

VISITS = 400
"""A day. Calls are one in 75 visits."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """With the visits of twelve days, and of ten times as many."""
    folder = tmp_path_factory.mktemp("stores")
    return _file(folder / "short.db", 12), _file(folder / "long.db", 120)


def _file(path: Path, days: int) -> Path:
    store = SqliteStore.open(path)
    store._connection.execute("BEGIN")
    store._handlers[type(setup())](setup())
    store._connection.execute("COMMIT")
    store.close()
    past = Past(VISITS * days, days, [Shown("site1", number) for number in POOL])
    with SqliteImporting(path) as into:
        past.write(into, NOW)
    return path


def steps(path: Path, ask: Callable[..., object]) -> int:
    """How many hundreds of instructions of its machine SQLite needs."""
    connection = connect(path)
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    connection.set_progress_handler(count, 100)
    ask(connection)
    connection.close()
    return counted


def test_leases_are_read_again_from_the_last_days_alone(files: tuple[Path, Path]) -> None:
    few, many = (
        steps(file, lambda connection: VisitWriter(connection).show_number(view(1, at=NOW)))
        for file in files
    )

    assert few > 100
    assert many < 1.1 * few


def test_channels_are_named_without_a_look_at_every_call(files: tuple[Path, Path]) -> None:
    few, many = (steps(file, lambda it: channel_names(it, 1)) for file in files)

    assert many <= few + 1


async def test_of_earlier_calls_the_credits_of_visits_alone_are_read(tmp_path: Path) -> None:
    few, many = [await _called_often(tmp_path / f"{others}.db", others) for others in (2, 60)]

    assert few > 10
    assert many < 1.1 * few


async def _called_often(path: Path, others: int) -> int:
    """What a call costs to a number that was called before, each call shared with so many more."""
    store = SqliteStore.open(path)
    await store.submit(setup())
    await store.submit(view(1))
    said = Attribution(
        Basis.EXPOSURES,
        "m",
        (
            Credit(visit_id(1), 0.1, ADS),
            *(Credit(None, 0.9 / others, Source("Email", term=str(n))) for n in range(others)),
        ),
        0.0,
    )
    for call in range(50):
        kept = report(f"c{call}", said, started_at=NOW + call, number=POOL[0], caller=CALLER)
        await store.submit(kept)
    store.close()
    return steps(path, lambda it: evidence(it, 1, POOL[0], "+12025550178", NOW + 100))


async def test_what_one_account_sets_up_leaves_the_leases_of_the_others_in_memory(
    tmp_path: Path,
) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    await store.submit(setup())
    await store.submit(setup(2, ("+12025550211",)))
    await store.submit(view(1))
    kept = store._visits._pools[1, "site1"]

    await store.submit(setup(2, ("+12025550212",)))
    assert store._visits._pools[1, "site1"] is kept

    await store.submit(setup())
    assert (1, "site1") not in store._visits._pools
    store.close()
