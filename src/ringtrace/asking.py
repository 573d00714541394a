"""The commands that ask the server which runs over a data folder."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx
import msgspec

from ringtrace.config import Settings
from ringtrace.domain.account import ISSUED_KINDS
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, end

API_SECONDS = 10.0
LONG_SECONDS = 3_600.0
"""Learning and attributing a long history take minutes."""


@click.command()
@data_option
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


@click.command()
@data_option
@click.argument("kind", type=click.Choice([kind.value for kind in ISSUED_KINDS]))
def token(data: Path, kind: str) -> None:
    """Print a new token for a gateway, the original route or the API; shown only now."""
    click.echo(_ask(data, "POST", "/api/v1/tokens", {"kind": kind})["token"])


@click.command()
@data_option
@click.argument("name")
@click.argument("login")
@click.option("--region", default="US", show_default=True, metavar="XX", help="Its country.")
def account(data: Path, name: str, login: str, region: str) -> None:
    """Open another account (tenant) on this server; prints its password and API token once."""
    answer = _ask(
        data, "POST", "/api/v1/accounts", {"name": name, "login": login, "region": region}
    )
    _echo(answer)


@click.command()
@data_option
@click.argument("site")
def learn(data: Path, site: str) -> None:
    """Learn the model of a site's callers now; prints its main rates."""
    _echo(_ask(data, "POST", f"/api/v1/sites/{quote(site, safe='')}/model", None, LONG_SECONDS))


@click.command()
@data_option
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
        raise click.ClickException(
            f"no server runs over {data}: start `ringtrace serve`, or name its folder (--data)"
        ) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise click.ClickException(f"the server does not answer: {error}") from error
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any]) if answer.content else {}
    except msgspec.DecodeError as error:
        # A server that was killed leaves its address, which another program may have by now.
        raise click.ClickException(
            f"what answers at {url} (from {settings.address_file}) is no Ringtrace server"
        ) from error
    if answer.is_error:
        parts = (said.get("error_id"), said.get("field"), said.get("message"))
        end(
            EXIT_BAD_INPUT if answer.is_client_error else EXIT_FAILED,
            ": ".join(str(part) for part in parts if part),
        )
    return said
