"""`ringtrace demo`: the whole product on one machine, without an account anywhere."""

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
from rich.table import Table

from ringtrace.demo.outcome import CallOutcome, outcomes
from ringtrace.demo.play import Day
from ringtrace.demo.script import Script, ScriptInvalidError, load
from ringtrace.demo.stage import Stage, StageError, stage
from ringtrace.listing import show
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, end


@click.command()
@click.option("--once", is_flag=True, help="Play the day, print what came of it, exit.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep everything in (default: a new one under the temporary folder).",
)
@click.option(
    "--script",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Numbers, visits and calls of your own (TOML) in place of the built-in day.",
)
@click.option("--port", default=0, help="Port of the server (default: a free one).")
def demo(*, once: bool, as_json: bool, data: Path | None, file: Path | None, port: int) -> None:
    """Play a day of visits and calls through every door, then stay up to be looked at."""
    try:
        script = load(file)
    except ScriptInvalidError as error:
        end(EXIT_BAD_INPUT, f"{file}: {error}")
    folder = data or Path(tempfile.mkdtemp(prefix="ringtrace-demo-"))
    try:
        good = asyncio.run(_demo(script, folder, port, once=once, as_json=as_json))
    except StageError as error:
        end(EXIT_FAILED, str(error))
    sys.exit(0 if good else EXIT_FAILED)


async def _demo(script: Script, data: Path, port: int, *, once: bool, as_json: bool) -> bool:
    async with stage(script, data, port) as where:
        since = time.time_ns() // 1_000_000
        day = Day(script, where, lambda text: click.echo(text, err=True))
        await day.play()
        found = await outcomes(script, where, day, since)
        if as_json:
            click.echo(
                msgspec.json.encode(
                    {"calls": [one.as_json() for one in found], "console_url": where.console}
                )
            )
        else:
            show(_table(found))
        if not once:
            await _stay_up(where)
        return all(one.as_expected for one in found)


async def _stay_up(where: Stage) -> None:
    password = where.settings.password_file.read_text().strip()
    click.echo(
        f"\nConsole    {where.console}   login: admin   password: {password}\n"
        f"Demo site  {where.site_url}/?utm_source=google&utm_medium=cpc&utm_campaign=demo\n"
        f"Data       {where.settings.data}\n"
        "Ctrl-C ends the demo.",
        err=True,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, ended.set)
    await ended.wait()


def _table(found: list[CallOutcome]) -> Table:
    """Fits 80 columns: what belongs together stands on two lines of one cell."""
    table = Table(title="The day's calls", show_lines=True)
    table.add_column("gateway")
    table.add_column("from, to")
    table.add_column("outcome")
    table.add_column("came from")
    table.add_column("sure", justify="right")
    table.add_column("as expected")
    for one in found:
        said = one.attribution
        seconds = (one.recording or {}).get("seconds")
        recorded = f"\n{seconds:.1f} s recorded" if isinstance(seconds, float) else ""
        named = [str(said[key]) for key in ("channel", "campaign", "keyword") if said[key]]
        table.add_row(
            one.gateway,
            f"{one.caller}\n{one.tracking_number}",
            f"{one.outcome}{recorded}",
            "\n".join(named) or "unknown",
            f"{said['probability']:.0%}",
            "yes" if one.as_expected else "NO",
        )
    return table
