"""Every `ringtrace …` that a person is shown, or that deploy/ runs, is a command that exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ringtrace.cli import main

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
UNITS = sorted((ROOT / "deploy").rglob("*.service"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHELL = {"", "console", "sh", "bash"}
_PROGRAM = re.compile(r"(?:^|(?<=\s)|(?<=/bin/))ringtrace (?=[a-z-])")
_END = re.compile(r"\s(?:#|[|>;&]).*", re.DOTALL)


def words_of(line: str) -> list[str] | None:
    """What the program is given; None where the line does not run it."""
    line = re.sub(r"\$\([^)]*\)", "SAID", line)
    found = _PROGRAM.search(line)
    runs = found and re.fullmatch(
        r"(?:\$ )?(?:(?:sudo|runuser|env|exec|--?[a-z-]+(?:=\S+)?|ringtrace(?:-sip)?|"
        r"[A-Z_]+=\S*|ExecStart=\S*|/\S*) *)*",
        line[: found.start()],
    )
    return shlex.split(_END.sub("", line[found.end() :])) if found and runs else None


def shown() -> Iterator[tuple[str, list[str]]]:
    texts = [
        (page, block)
        for page in PAGES
        for language, block in _FENCE.findall(page.read_text("utf-8"))
        if language in _SHELL
    ]
    texts += [(unit, unit.read_text("utf-8")) for unit in UNITS]
    for path, text in texts:
        for line in text.replace("\\\n", " ").splitlines():
            if (words := words_of(line)) is not None:
                yield f"{path.relative_to(ROOT)}: ringtrace {' '.join(words)}", words


def named_in_passing() -> Iterator[tuple[str, list[str]]]:
    for path in PAGES:
        for said in re.findall(r"`(?:ringtrace) ([^`\n]*)`", path.read_text("utf-8")):
            yield f"{path.relative_to(ROOT)}: ringtrace {said}", shlex.split(said)


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command, and what is left for it. Raises KeyError."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
    return command, rest


def see(words: list[str]) -> None:
    """Raises click.UsageError: an option that is not there, or one that lacks its value."""
    command, rest = command_of(words)
    context = click.Context(command)
    _, left, _ = command.make_parser(context).parse_args([one for one in rest if one != "…"])
    assert not left, f"too many arguments: {left}"


@pytest.mark.parametrize("words", [pytest.param(words, id=name) for name, words in shown()])
def test_a_command_line_that_is_shown_is_one_that_can_be_given(words: list[str]) -> None:
    see([word for word in words if word != "$RINGTRACE_OPTIONS"])


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=name) for name, words in named_in_passing()]
)
def test_a_command_that_is_named_in_passing_exists(words: list[str]) -> None:
    command, rest = command_of(words)
    options = {option for one in command.params for option in one.opts} | {"--help", "--version"}

    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options


def test_lines_are_read_as_a_shell_reads_them() -> None:
    assert words_of("$ ringtrace calls --json | head -1") == ["calls", "--json"]
    assert words_of("TOKEN=$(cat a b) ringtrace token sip > file  # once") == ["token", "sip"]
    assert words_of("ExecStart=/opt/x/bin/ringtrace serve --port 1") == ["serve", "--port", "1"]
    assert words_of("sudo -u ringtrace /opt/x/bin/ringtrace doctor") == ["doctor"]
    assert words_of("Ringtrace runs, says ringtrace serve") is None
    with pytest.raises(click.NoSuchOption):
        see(["serve", "--no-such-option"])
    with pytest.raises(KeyError):
        see(["no-such-command"])


def test_both_units_and_enough_examples_are_looked_at() -> None:
    names = [name for name, _ in shown()]

    assert sum(name.startswith("deploy/systemd/ringtrace") for name in names) == len(UNITS) == 2
    assert len(names) > 20
