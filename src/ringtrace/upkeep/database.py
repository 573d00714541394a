"""`ringtrace db`: the database that servers share."""

import asyncio
from typing import Final

import click

from ringtrace.bootstrap import DatabaseUnusableError
from ringtrace.bootstrap import distribute as convert
from ringtrace.services.errors import StoreAwayError
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, database_option, end

_MOST_SHARDS: Final = 1024


@click.group()
def db() -> None:
    """Look after the PostgreSQL database that servers share."""


@db.command()
@database_option
@click.option("--dry-run", is_flag=True, help="Print the statements and run none.")
@click.option(
    "--shards",
    type=click.IntRange(1, _MOST_SHARDS),
    help="Parts that the accounts are divided into; 32 unless told otherwise.",
)
def distribute(database_url: str | None, shards: int | None, *, dry_run: bool) -> None:
    """Spread the database over the nodes of its Citus cluster, by account.

    The URL is the coordinator's; no server may run meanwhile. May be stopped and run again, and
    changes nothing where all is done. Prints each statement as it runs.
    """
    if database_url is None:
        raise click.UsageError("--database-url or DATABASE_URL names the coordinator")
    try:
        count = asyncio.run(convert(database_url, click.echo, shards, dry_run=dry_run))
    except DatabaseUnusableError as error:
        end(EXIT_BAD_INPUT, str(error))
    except StoreAwayError as error:
        end(EXIT_FAILED, str(error))
    if not count:
        click.echo("the database is distributed: nothing is left to do", err=True)
    elif not dry_run:
        click.echo(f"distributed: {count} statements", err=True)
