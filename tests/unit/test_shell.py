"""What all commands have in common at a shell."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ringtrace import cli
from ringtrace.shell import Program


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["calls", "--data", ""], "--data"),
        (["export", "--to", ""], "--to"),
        (["import", ""], "DIR"),
        (["calls", "--database-url", ""], "--database-url"),
        (["serve", "--database-url", "mysql://shop/calls"], "--database-url"),
        (["db", "distribute", "--database-url", "calls"], "--database-url"),
    ],
)
def test_an_empty_name_and_a_url_of_another_kind_are_refused_by_their_option(
    words: list[str], option: str
) -> None:
    """A variable of the shell that is not set must not mean the folder one happens to be in."""
    refused = CliRunner().invoke(cli.main, words)

    assert refused.exit_code == 2
    assert f"Invalid value for '{option}'" in refused.stderr


@click.group(cls=Program)
def program() -> None:
    pass


@program.command()
@click.argument("folder", type=click.Path(path_type=Path))
def make(folder: Path) -> None:
    folder.mkdir()


@program.command()
def wait() -> None:
    raise KeyboardInterrupt


def test_what_the_system_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    refused = CliRunner().invoke(program, ["make", str(tmp_path)])

    assert refused.exit_code == 1
    assert refused.stderr == f"Error: {tmp_path}: File exists\n"


def test_ctrl_c_ends_a_command_as_shells_expect_it() -> None:
    stopped = CliRunner().invoke(program, ["wait"])

    assert (stopped.exit_code, stopped.stderr) == (130, "stopped\n")


def test_ctrl_c_leaves_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ringtrace", "classify"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write('{"url": "https://shop.example/"}\n')
        process.stdin.flush()
        assert "Direct" in process.stdout.readline()

        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 130
        assert "Traceback" not in process.stderr.read()


def test_ctrl_c_ends_a_server_that_is_still_starting_in_good_order(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        database = f"postgresql://ringtrace@127.0.0.1:{silent.getsockname()[1]}/none"
        words = ("serve", "--data", str(tmp_path), "--port", "0", "--database-url", database)
        with subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-m", "ringtrace", *words], stderr=subprocess.PIPE, text=True
        ) as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)

                assert process.wait(30) == 0
            assert process.stderr
            assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = CliRunner().invoke(
            cli.main, ["serve", "--data", str(tmp_path), "--port", str(port)]
        )

    assert refused.exit_code == 1
    assert refused.stderr == f"Error: --host 127.0.0.1 --port {port}: Address already in use\n"
