"""What a person can use is in the documentation."""

from pathlib import Path

import click
import pytest

from ringtrace.cli import main
from ringtrace.domain.visit import NoNumber
from ringtrace.services import errors
from ringtrace.web import app
from ringtrace.web.telephony import PREFIX

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


def test_every_hot_route_is_described() -> None:
    text = DOCS["gateways.md"] + DOCS["tracking.md"]

    for route in ("/t/hit", "/t/tag.js", PREFIX, "/api", "/api/report", "/recording"):
        assert route in text


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
