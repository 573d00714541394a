"""The `ringtrace` command."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from phonenumbers import SUPPORTED_REGIONS

from ringtrace import __version__, classification, engine_stdio, listing
from ringtrace.asking import account, apply, learn, reattribute, token
from ringtrace.bootstrap import (
    CANNOT_START,
    AccountUnknownError,
    DatabaseUnusableError,
    NoDataError,
    open_reader,
    see_account,
)
from ringtrace.config import Settings
from ringtrace.demo.command import demo
from ringtrace.flowtest.command import flow
from ringtrace.gateways.sip.command import sip_node
from ringtrace.gateways.sip.settingsfile import read_settings
from ringtrace.gateways.voximplant.command import voximplant
from ringtrace.lake.command import seal
from ringtrace.lake.export import export
from ringtrace.lake.forget import forget
from ringtrace.lake.import_ import import_
from ringtrace.lake.retain import retain
from ringtrace.logs import log_to_stderr
from ringtrace.replay.command import replay
from ringtrace.serve import NodeBeside
from ringtrace.serve import serve as run_server
from ringtrace.serve_options import (
    MOST_WORKERS,
    mail_options,
    mail_server,
    read_networks,
    read_public_url,
    read_workers,
    retention,
    retention_options,
)
from ringtrace.services.call_records import CallFilter
from ringtrace.services.errors import RefusedError
from ringtrace.services.ports import Reads
from ringtrace.services.spam_records import Spam
from ringtrace.shell import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    Program,
    account_option,
    data_option,
    database_option,
    end,
)
from ringtrace.upkeep.command import backup, doctor, restore
from ringtrace.upkeep.database import db
from ringtrace.workers.keeper import WorkerFailedError

R = TypeVar("R")
_THIS_MACHINE = "127.0.0.0/8"


@click.group(cls=Program)
@click.version_option(__version__, prog_name="ringtrace")
def main() -> None:
    """Call tracking: which channel, campaign, keyword and visitor made the phone ring."""
    log_to_stderr()


for command in (
    demo, replay, flow, sip_node, voximplant,
    apply, token, account, learn, reattribute,
    backup, restore, doctor, db, seal, retain, forget, export, import_,
):  # fmt: skip
    main.add_command(command)


@main.command()
@data_option
@database_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0: a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST_WORKERS),
    help="Processes that answer; more than one need a PostgreSQL database.",
)
@click.option(
    "--region",
    default="US",
    show_default=True,
    type=click.Choice(sorted(SUPPORTED_REGIONS), case_sensitive=False),
    metavar="XX",
    help="Country of the first account.",
)
@click.option(
    "--trusted-proxies",
    default="",
    help="Addresses whose X-Forwarded-For is believed, comma separated.",
)
@click.option(
    "--hits-per-address",
    default=120,
    show_default=True,
    type=click.IntRange(1),
    help="Page views a minute from one address that may get a number.",
)
@click.option(
    "--hits-per-site",
    default=60_000,
    show_default=True,
    type=click.IntRange(1),
    help="Page views a minute of one site that may get a number.",
)
@click.option(
    "--recordings",
    default="",
    envvar="RINGTRACE_RECORDINGS",
    show_envvar=True,
    metavar="DIR|s3://BUCKET/PREFIX",
    help="Where recordings are kept, if not in the data folder.",
)
@click.option(
    "--public-url",
    envvar="RINGTRACE_PUBLIC_URL",
    show_envvar=True,
    help="Where people and programs reach this server; links in notices lead there.",
)
@click.option(
    "--outbound-allow",
    multiple=True,
    metavar="CIDR",
    help="Network that webhooks may lead to though it is not public; may be repeated.",
)
@click.option(
    "--notice-days",
    default=30,
    show_default=True,
    type=click.IntRange(1, 3650),
    help="Days that the log of notices goes back.",
)
@click.option(
    "--lake",
    default="",
    envvar="RINGTRACE_LAKE",
    show_envvar=True,
    metavar="DIR|s3://BUCKET/PREFIX|off",
    help="Where closed days are sealed to, if not in the data folder.",
)
@retention_options
@mail_options
@click.option(
    "--with-sip",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Run a SIP node beside the server; its settings (TOML), else for this machine's phones.",
)
def serve(
    data: Path,
    database_url: str | None,
    host: str,
    port: int,
    workers: int,
    region: str,
    trusted_proxies: str,
    hits_per_address: int,
    hits_per_site: int,
    recordings: str,
    lake: str,
    public_url: str | None,
    outbound_allow: tuple[str, ...],
    notice_days: int,
    visits_in_store: int,
    keep_visits: int | None,
    keep_calls: int | None,
    keep_recordings: int | None,
    with_sip: str | None,
    **mail: Any,
) -> None:
    """Run the server: tracking, gateways' backend, console and API."""
    read_workers(workers, database_url)
    settings = Settings(
        data=data,
        host=host,
        port=port,
        region=region,
        trusted_proxies=trusted_proxies,
        hits_per_address=hits_per_address,
        hits_per_site=hits_per_site,
        recordings_at=recordings,
        lake_at=lake,
        public_url=read_public_url(public_url),
        outbound_networks=read_networks(outbound_allow),
        notice_days=notice_days,
        mail=mail_server(**mail),
        database_url=database_url,
        retention=retention(visits_in_store, keep_visits, keep_calls, keep_recordings),
    )
    node = None if with_sip is None else _node_beside(settings, with_sip)
    try:
        run_server(settings, node, workers)
    except (*CANNOT_START, WorkerFailedError) as error:
        raise click.ClickException(str(error)) from error


def _node_beside(settings: Settings, file: str) -> NodeBeside:
    """What is wrong in the node's settings is said before anything is started."""
    config = Path(file) if file else None
    given: dict[str, object] = {"backend_url": "http://127.0.0.1", "token": "made-later"}
    alone: dict[str, object] = {} if config else {"trusted_networks": [_THIS_MACHINE]}
    try:
        read = read_settings(config, given | alone, {"spool_dir": str(settings.node_spool)})
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--with-sip: {error}") from error
    arguments = () if config else ("--trunk", _THIS_MACHINE)
    return NodeBeside(config, read.spool_dir, read.drain_seconds, arguments)


@main.command()
@data_option
@database_option
@account_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000),
              help="Calls at most.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def calls(data: Path, database_url: str | None, account_id: int, limit: int, as_json: bool) -> None:
    """List the calls, newest first."""

    async def read(store: Reads) -> None:
        page = await store.calls(account_id, CallFilter(), limit, 0)
        if as_json:
            for call in page.calls:
                click.echo(msgspec.json.encode(listing.call_facts(call)))
        else:
            listing.show(listing.call_table(page))

    _read(Settings(data, database_url=database_url), account_id, read)


@main.group()
def report() -> None:
    """Reports."""


@report.command()
@data_option
@database_option
@account_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--spam",
    type=click.Choice([one.value for one in Spam]),
    default=Spam.WITHOUT.value,
    show_default=True,
    help="Calls that are spam: left out, counted in, or they alone.",
)
def channels(
    data: Path, database_url: str | None, account_id: int, as_json: bool, spam: str
) -> None:
    """Expected calls by channel: the credits of all calls added up."""

    async def read(store: Reads) -> None:
        found = await store.channels(account_id, CallFilter(spam=Spam(spam)))
        left_out = await store.count_calls(account_id, CallFilter(spam=Spam.ONLY))
        if left_out and spam == Spam.WITHOUT:
            click.echo(f"{left_out} calls are spam and left out", err=True)
        if as_json:
            for row in found:
                click.echo(msgspec.json.encode(row))
        else:
            listing.show(listing.channel_table(found))

    _read(Settings(data, database_url=database_url), account_id, read)


@main.command()
@click.option("--stdio", is_flag=True, required=True, help="Speak JSON lines on stdin and stdout.")
def engine(*, stdio: bool) -> None:
    """Lease and attribute for a simulator outside, with the production code over memory."""
    if stdio:
        engine_stdio.run(sys.stdin.buffer, sys.stdout.buffer)


@main.command()
def classify() -> None:
    """Say what made each visit: JSON lines with url and referrer in, channel and source out."""
    classification.run(sys.stdin.buffer, sys.stdout.buffer)


def _read(settings: Settings, account_id: int, use: Callable[[Reads], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_reader(settings) as store:
            await use(store)

    try:
        see_account(settings, account_id)
        asyncio.run(run())
    except (NoDataError, DatabaseUnusableError, AccountUnknownError) as error:
        end(EXIT_BAD_INPUT, str(error))
    except RefusedError as error:
        end(EXIT_FAILED, str(error))
