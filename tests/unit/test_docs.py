"""What a person can use is in the documentation."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner

from ringtrace.cli import main
from ringtrace.domain.flow import Step, read_flow
from ringtrace.domain.number import normalise
from ringtrace.domain.validation import faults
from ringtrace.domain.visit import NoNumber
from ringtrace.services import errors
from ringtrace.web import app
from ringtrace.web.api.router import PREFIX as API
from ringtrace.web.api.router import api_router
from ringtrace.web.telephony import PREFIX as CALLS

ROOT = Path(__file__).parents[2]
DOCS = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}


def commands(group: click.Group, prefix: str) -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix} {name}")
        else:
            found.append((f"{prefix} {name}", command))
    return found


@pytest.mark.parametrize(("name", "command"), commands(main, "ringtrace"))
def test_every_command_and_option_is_described(name: str, command: click.Command) -> None:
    text = DOCS["cli.md"]

    assert f"`{name}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{option}" in text for option in parameter.opts), parameter.opts


@pytest.mark.parametrize(("name", "command"), commands(main, "ringtrace"))
def test_help_says_what_each_option_does_and_which_variable_sets_it(
    name: str, command: click.Command
) -> None:
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, (name, option.opts)
            assert option.show_envvar or not option.envvar, (name, option.opts)


def test_the_list_of_commands_says_what_each_is_for_in_whole() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout
    for _, command in commands(main, "ringtrace"):
        if command.name in main.commands:
            assert command.get_short_help_str(200) in " ".join(listed.split())


def test_options_are_listed_in_the_order_of_their_use() -> None:
    helped = CliRunner().invoke(main, ["serve", "--help"]).stdout

    order = ("--visits-in-store", "--keep-recordings", "--smtp-host", "--smtp-user", "--mail-from")
    assert sorted(order, key=helped.index) == list(order)


def named(route: str, text: str) -> bool:
    """Whether a text has the route itself, not only one that begins like it."""
    return re.search(rf"{re.escape(route)}(?![\w/.-])", text) is not None


def test_a_route_is_not_named_by_a_longer_one() -> None:
    assert named("GET /api", "`GET /api?dialed_number=N`")
    assert not named("GET /api", "`GET /api/report`")
    assert not named("GET /calls", "`GET /calls/{gateway}/{call}`")


@pytest.mark.parametrize(
    ("page", "route"),
    [
        ("tracking.md", "POST /t/hit"),
        ("tracking.md", "/t/tag.js"),
        ("gateways.md", f"POST {CALLS}"),
        ("gateways.md", f"POST {CALLS}/{{call}}/digits"),
        ("gateways.md", f"POST {CALLS}/{{call}}/report"),
        ("gateways.md", f"POST {CALLS}/{{call}}/legs"),
        ("gateways.md", f"PUT {CALLS}/{{call}}/recording"),
        ("gateways.md", "GET /api"),
        ("gateways.md", "POST /api/report"),
        ("api.md", "GET /health"),
        ("api.md", "GET /metrics"),
        ("gateways.md", "GET /gateway/v1/alive"),
    ],
)
def test_every_hot_route_is_described(page: str, route: str) -> None:
    assert named(route, DOCS[page])


def api_routes() -> list[str]:
    """As the documentation writes them: `GET /calls/{gateway}/{call}`."""
    return [
        f"{method} {re.sub(':[a-z]+}', '}', route.path.removeprefix(API))}"
        for route in api_router().routes
        for method in sorted(getattr(route, "methods", {"ANY"}) - {"OPTIONS", "HEAD"})
    ]


@pytest.mark.parametrize("route", api_routes())
def test_every_route_of_the_api_is_described(route: str) -> None:
    assert named(f"`{route}", DOCS["api.md"])


def test_every_error_id_is_described() -> None:
    text = "".join(DOCS.values())
    refusals = [
        one
        for module in (errors, app)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, errors.RefusedError)
    ]

    assert len(refusals) > 10
    for one in refusals:
        if one is not errors.RefusedError:
            assert f"`{one.error_id}`" in text, one.error_id


def test_every_reason_to_keep_the_pages_number_is_described() -> None:
    for reason in NoNumber:
        assert f"`{reason}`" in DOCS["tracking.md"]


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for part in page.read_text("utf-8").split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_flow_that_is_shown_is_one_without_faults() -> None:
    shown = re.search(r"```toml\n(.*?)```", DOCS["flows.md"], re.DOTALL)
    assert shown is not None
    document = tomllib.loads(shown[1])

    own = [normalise(number["number"], None) for number in document["number"]]
    for flow in document["flow"]:
        assert list(faults(read_flow(flow), own)) == []


@pytest.mark.parametrize("step", [kind.__struct_config__.tag for kind in get_args(Step)])
def test_every_step_of_a_flow_is_described(step: str) -> None:
    assert f"| `{step}` |" in DOCS["flows.md"]
