"""What all commands have in common at a shell: where the data is, and how they end."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import click

from ringtrace.config import DATABASE_URL

EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("ringtrace-data"),
        show_default=True,
        help="Folder of the database, the recordings and the keys.",
    )(command)


def database_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--database-url",
        envvar=DATABASE_URL,
        help="postgresql://USER:PASSWORD@HOST/DATABASE instead of a file in the folder.",
    )(command)


def end(code: int, message: str) -> NoReturn:
    """Exits with `code`, and says why on stderr."""
    click.echo(message, err=True)
    sys.exit(code)
