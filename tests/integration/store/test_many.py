import sqlite3

import pytest

from ringtrace.store.sqlite.many import ManyRows


@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 191, 512])
def test_every_row_is_written_once_and_in_order(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (place INTEGER PRIMARY KEY, a INTEGER, b TEXT)")
    rows = [(one, f"text {one}") for one in range(count)]

    ManyRows("INSERT INTO t (a, b) {}", 2).write(connection, rows)

    assert connection.execute("SELECT a, b FROM t ORDER BY place").fetchall() == rows


def test_the_rows_of_a_batch_need_few_statements() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER)")
    ran: list[str] = []
    connection.set_trace_callback(ran.append)

    ManyRows("INSERT INTO t {}", 1).write(connection, [(one,) for one in range(127)])

    assert sum(one.startswith("INSERT") for one in ran) == 7
