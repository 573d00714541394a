"""What all commands have in common at a shell: where the data is, and how they end."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from ringtrace.config import DATABASE_URL

EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""

_SENTENCE: Final = 200
_SCHEMES: Final = ("postgresql://", "postgres://")


class Program(click.Group):
    """Ends by Ctrl-C as shells expect it; what the system refuses is told in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            end(EXIT_INTERRUPTED, "stopped")
        except BrokenPipeError:
            raise  # whoever reads, as `head`, has enough: click ends without a word
        except OSError as error:
            end(EXIT_FAILED, f"Error: {_said(error)}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each is for in a whole sentence, on as many lines as that takes."""
        rows = [
            (name, command.get_short_help_str(_SENTENCE))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _said(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


class Folder(click.Path):
    """An empty text, as of a variable that is not set, would be where the shell happens to be."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the name of a folder is needed, this is empty", param, ctx)
        return super().convert(value, param, ctx)


def _database(_ctx: click.Context, _param: click.Parameter, said: str | None) -> str | None:
    """What else is wrong in it tells the driver; it would take nothing for a host of its own."""
    if said is not None and not said.startswith(_SCHEMES):
        raise click.BadParameter("it must be like postgresql://USER:PASSWORD@HOST/DATABASE")
    return said


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data",
        type=Folder(),
        default=Path("ringtrace-data"),
        show_default=True,
        help="Folder of the database, the recordings and the keys.",
    )(command)


def database_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--database-url",
        envvar=DATABASE_URL,
        show_envvar=True,
        callback=_database,
        help="postgresql://USER:PASSWORD@HOST/DATABASE instead of a file in the folder.",
    )(command)


def account_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--account", "account_id", default=1, show_default=True, help="Number of the account."
    )(command)


def end(code: int, message: str) -> NoReturn:
    """Exits with `code`, and says why on stderr."""
    click.echo(message, err=True)
    sys.exit(code)
