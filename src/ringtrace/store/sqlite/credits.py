"""The shares of a call: written with it, read with it."""

import sqlite3

from ringtrace.domain.attribution import Attribution
from ringtrace.store import credits  # noqa: A004 - what a call's shares are called
from ringtrace.store.credits import Key, Said

_SLOTS = ", ".join("?" * (1 + credits.CREDIT_COLUMNS.count(",")))


def write(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> None:
    """Of a call whose own row is there."""
    connection.executemany(
        f"INSERT INTO credits ({credits.CREDIT_COLUMNS}) VALUES ({_SLOTS})",
        credits.credit_rows(key, attribution),
    )
    connection.execute(
        "UPDATE calls SET shares = ? WHERE account_id = ? AND gateway = ? AND call_id = ?",
        (credits.shares(attribution), *key),
    )


def replace(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> None:
    """The call is attributed otherwise from now on."""
    connection.execute(
        "DELETE FROM credits WHERE account_id = ? AND gateway = ? AND call_id = ?", key
    )
    connection.execute(
        "UPDATE calls SET basis = ?, model = ?, unknown = ?, repeat = ?"
        " WHERE account_id = ? AND gateway = ? AND call_id = ?",
        (*credits.columns(attribution), *key),
    )
    write(connection, key, attribution)


def read(connection: sqlite3.Connection, key: Key, said: Said) -> Attribution:
    """`said` stands in the call's row."""
    found = connection.execute(
        "SELECT visit_id, probability, source, why FROM credits"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY position",
        key,
    )
    return credits.attribution(said, found)
