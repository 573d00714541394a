"""The schema of the PostgreSQL store: complete, and fit for being distributed by account."""

from pathlib import Path

import asyncpg

from ringtrace.store import schema
from ringtrace.store.postgres.migration import tables
from ringtrace.store.sqlite import connection as sqlite
from tests.postgres import Postgres

_COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
)
OWN = {"schema_steps", "pools", "pool_log"}
"""Tables that a file of one server has no need of."""
OWN_COLUMNS = {("hits", "path_digest"), ("deliveries", "taken_until")}


def sqlite_columns(path: Path) -> set[tuple[str, str]]:
    file = sqlite.connect(path)
    sqlite.migrate(file)
    found = file.execute(
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    ).fetchall()
    file.close()
    return {(str(table), str(column)) for table, column in found}


async def test_both_stores_keep_the_same(postgres: Postgres, tmp_path: Path) -> None:
    connection = await asyncpg.connect(await postgres.database())
    kept = {(table, column) for table, column in await connection.fetch(_COLUMNS)}
    await connection.close()

    of_file = sqlite_columns(tmp_path / "store.db")
    assert {one for one in kept if one[0] not in OWN} == of_file | OWN_COLUMNS


async def test_every_table_can_be_divided_by_account(postgres: Postgres) -> None:
    connection = await asyncpg.connect(await postgres.database(partitioned=True))
    whole = {
        name
        for (name,) in await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'p'")
    }
    keys = await connection.fetch(
        "SELECT c.relname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
        " WHERE k.contype = 'p' AND c.relkind = 'p'"
    )
    undivided = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    await connection.close()

    assert {(name, first) for name, first in keys} == {(name, "account_id") for name in whole}
    assert {name for (name,) in undivided} == {
        "login_routes",
        "number_routes",
        "schema_steps",
        "site_routes",
    }


async def test_all_tables_are_known_by_name_and_none_refers_to_another(postgres: Postgres) -> None:
    """Tables are distributed one after the other, which foreign keys would be in the way of."""
    connection = await asyncpg.connect(await postgres.database())
    kept = {table for table, _ in await connection.fetch(_COLUMNS)}
    references = await connection.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f'")
    await connection.close()

    assert kept == {"schema_steps", *tables()}
    assert references == []


def test_a_script_is_read_statement_by_statement() -> None:
    later = "-- One; with a word;\nDROP TABLE a;\n\nCREATE TABLE b (\n  x text -- ';'\n);\n"

    assert schema.statements(later) == ["DROP TABLE a", "CREATE TABLE b (\n  x text -- ';'\n)"]
    assert schema.tables(["CREATE TABLE IF NOT EXISTS a (x text);", later]) == ["b"]
