"""The `ringtrace` command."""

import asyncio
import logging
import sys
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click
import httpx
import msgspec
from phonenumbers import SUPPORTED_REGIONS

from ringtrace import __version__, engine_stdio, listing
from ringtrace.bootstrap import DatabaseUnusableError, DataFolderInUseError, open_reader
from ringtrace.config import Settings
from ringtrace.demo.command import demo
from ringtrace.domain.account import ISSUED_KINDS
from ringtrace.flowtest.command import flow
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.replay.command import replay
from ringtrace.serve import serve as run_server
from ringtrace.services.errors import RefusedError, StoreAwayError
from ringtrace.services.ports import CallFilter, Reads
from ringtrace.store.schema import SchemaTooNewError

R = TypeVar("R")
API_SECONDS = 10.0
LONG_SECONDS = 3_600.0
"""Learning and attributing a long history take minutes."""
_CANNOT_START = (
    DataFolderInUseError,
    DatabaseUnusableError,
    SchemaTooNewError,
    StoreAwayError,
    OSError,
)
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


def _data_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("ringtrace-data"),
        show_default=True,
        help="Folder of the database, the recordings and the keys.",
    )(command)


def _database_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--database-url",
        envvar="DATABASE_URL",
        help="postgresql://USER:PASSWORD@HOST/DATABASE instead of a file in the folder.",
    )(command)


@click.group()
@click.version_option(__version__, prog_name="ringtrace")
def main() -> None:
    """Call tracking: which channel, campaign, keyword and visitor made the phone ring."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


main.add_command(demo)
main.add_command(replay)
main.add_command(flow)


@main.command()
@_data_option
@_database_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
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
def serve(
    data: Path,
    database_url: str | None,
    host: str,
    port: int,
    region: str,
    trusted_proxies: str,
    hits_per_address: int,
    hits_per_site: int,
) -> None:
    """Run the server: tracking, gateways' backend, console and API in one process."""
    settings = Settings(
        data, host, port, region, trusted_proxies, hits_per_address, hits_per_site, database_url
    )
    try:
        run_server(settings)
    except _CANNOT_START as error:
        raise click.ClickException(str(error)) from error


@main.command("sip-node")
@click.option("--listen", default="127.0.0.1:5060", show_default=True, help="IP:PORT for SIP.")
@click.option("--advertise", help="IP that trunks are told to send to, if it is another.")
@click.option("--trunk", multiple=True, required=True, help="Network that may call, in CIDR.")
@click.option("--proxy", help="HOST[:PORT] that takes calls to phone numbers.")
@click.option("--backend", required=True, envvar="RINGTRACE_URL", help="URL of the server.")
@click.option("--token", required=True, envvar="RINGTRACE_TOKEN", help="A token of kind sip.")
@click.option("--fallback", envvar="RINGTRACE_FALLBACK", help="Rings when the backend is away.")
@click.option(
    "--spool",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ringtrace-spool"),
    show_default=True,
    help="Folder of unsent reports and recordings.",
)
@click.option("--rtp", default="20000-29999", show_default=True, help="UDP ports for audio.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written once it listens.")
def sip_node(
    listen: str,
    advertise: str | None,
    trunk: tuple[str, ...],
    proxy: str | None,
    backend: str,
    token: str,
    fallback: str | None,
    spool: Path,
    rtp: str,
    ready_file: Path | None,
) -> None:
    """Run a SIP node: takes calls from trunks, dials, records, reports."""
    # The SIP stack is the node's alone: the other commands do not load it.
    from ringtrace.gateways.sip.node import run  # noqa: PLC0415
    from ringtrace.gateways.sip.spool import SpoolError  # noqa: PLC0415

    try:
        ip, port = _pair("--listen", listen, ":")
        low, high = _pair("--rtp", rtp, "-")
        settings = NodeSettings(
            backend_url=backend.rstrip("/"),
            token=token,
            spool_dir=spool,
            trusted_networks=trunk,
            listen_ip=ip,
            listen_port=int(port),
            advertised_ip=advertise,
            outbound_proxy=proxy,
            fallback_target=fallback,
            rtp_port_min=int(low),
            rtp_port_max=int(high),
            ready_file=ready_file,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        run(settings)
    except (OSError, SpoolError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@_data_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply(data: Path, file: Path) -> None:
    """Tell the running server which sites, numbers and pools there are (a TOML file)."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file}: {error}") from error
    answer = _ask(data, "PUT", "/api/v1/setup", document)
    for warning in answer["warnings"]:
        click.echo(f"{file}: warning: {warning['field']}: {warning['message']}", err=True)
    click.echo(f"applied {file}", err=True)


@main.command()
@_data_option
@click.argument("kind", type=click.Choice([kind.value for kind in ISSUED_KINDS]))
def token(data: Path, kind: str) -> None:
    """Print a new token for a gateway, the original route or the API; shown only now."""
    click.echo(_ask(data, "POST", "/api/v1/tokens", {"kind": kind})["token"])


@main.command()
@_data_option
@click.argument("name")
@click.argument("login")
@click.option("--region", default="US", show_default=True)
def account(data: Path, name: str, login: str, region: str) -> None:
    """Open another account (tenant) on this server; prints its password and API token once."""
    answer = _ask(
        data, "POST", "/api/v1/accounts", {"name": name, "login": login, "region": region}
    )
    _echo(answer)


@main.command()
@_data_option
@click.argument("site")
def learn(data: Path, site: str) -> None:
    """Learn the model of a site's callers now; prints its main rates."""
    _echo(_ask(data, "POST", f"/api/v1/sites/{quote(site, safe='')}/model", None, LONG_SECONDS))


@main.command()
@_data_option
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="Calls begun then (UTC) or later.",
)
def reattribute(data: Path, since: datetime) -> None:
    """Attribute past calls anew with the newest models; prints how many changed."""
    form = {"since": since.replace(tzinfo=UTC)}
    _echo(_ask(data, "POST", "/api/v1/attributions", form, LONG_SECONDS))


@main.command()
@_data_option
@_database_option
@click.option("--account", "account_id", default=1, show_default=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
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

    _read(Settings(data, database_url=database_url), read)


@main.group()
def report() -> None:
    """Reports."""


@report.command()
@_data_option
@_database_option
@click.option("--account", "account_id", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def channels(data: Path, database_url: str | None, account_id: int, as_json: bool) -> None:
    """Expected calls by channel: the credits of all calls added up."""

    async def read(store: Reads) -> None:
        found = await store.channels(account_id, CallFilter())
        if as_json:
            for row in found:
                click.echo(msgspec.json.encode(row))
        else:
            listing.show(listing.channel_table(found))

    _read(Settings(data, database_url=database_url), read)


@main.command()
@click.option("--stdio", is_flag=True, required=True, help="Speak JSON lines on stdin and stdout.")
def engine(*, stdio: bool) -> None:
    """Lease and attribute for a simulator outside, with the production code over memory."""
    if stdio:
        engine_stdio.run(sys.stdin.buffer, sys.stdout.buffer)


def _pair(option: str, text: str, separator: str) -> tuple[str, str]:
    """Two parts of an option, the second a whole number."""
    first, found, second = text.rpartition(separator)
    if not found or not second.isdigit():
        raise click.UsageError(f"{option}: {text!r} is not of the form A{separator}B")
    return first, second


def _read(settings: Settings, use: Callable[[Reads], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_reader(settings) as store:
            await use(store)

    try:
        asyncio.run(run())
    except (FileNotFoundError, DatabaseUnusableError, RefusedError) as error:
        raise click.ClickException(str(error)) from error


def _echo(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


def _ask(
    data: Path, method: str, path: str, body: object, seconds: float = API_SECONDS
) -> dict[str, Any]:
    """One request to the server that runs over `data`; its refusal is the command's."""
    settings = Settings(data)
    try:
        url = settings.address_file.read_text().strip()
        secret = settings.api_token_file.read_text().strip()
        answer = httpx.request(
            method,
            url + path,
            content=msgspec.json.encode(body),
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
            timeout=seconds,
            trust_env=False,
        )
    except (FileNotFoundError, httpx.ConnectError) as error:
        raise click.ClickException(f"no server runs over {data}: `ringtrace serve`") from error
    except httpx.TransportError as error:
        raise click.ClickException(f"the server does not answer: {error}") from error
    if answer.is_error:
        said = answer.json()
        click.echo(f"{said['error_id']}: {said['field'] or ''} {said['message']}", err=True)
        sys.exit(EXIT_BAD_INPUT if answer.is_client_error else EXIT_FAILED)
    return answer.json() if answer.content else {}
