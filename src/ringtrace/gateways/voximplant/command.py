"""`ringtrace voximplant`: scenarios at a shell."""

import json
from pathlib import Path

import click

from ringtrace.gateways.voximplant.emulator import CaseError, Result, Script, load, run, unmet
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, end

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def voximplant() -> None:
    """Scenarios of the Voximplant platform, without the platform."""


@voximplant.command("run")
@click.argument("scripts", metavar="A.js [B.js...]", nargs=-1, required=True, type=_FILE)
@click.option("--case", "path", required=True, type=_FILE, help="Who calls and answers (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def run_scripts(*, scripts: tuple[Path, ...], path: Path, as_json: bool) -> None:
    """Run one incoming call through the scenarios on a virtual clock.

    Exits with 1 when the case's [expect] is not met, with 2 when a file is invalid.
    """
    try:
        case = load(path)
        named = [Script(one.name, one.read_text("utf-8")) for one in scripts]
    except (CaseError, OSError, UnicodeDecodeError) as error:
        end(EXIT_BAD_INPUT, str(error))
    result = run(named, case)
    click.echo(json.dumps(result.as_json()) if as_json else _told(result))
    problems = unmet(case.expect, result)
    if problems:
        end(EXIT_FAILED, "\n".join(problems))


def _told(result: Result) -> str:
    legs = [
        f"leg {leg.to}: {leg.result} {leg.code}, rang {leg.ring} s, talked {leg.talk} s"
        for leg in result.legs
    ]
    ended = f"ended after {result.duration} s: {result.finish_reason}"
    return "\n".join([*result.log, *legs, ended])
