"""`ringtrace flow`: flows at a shell."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.fault import Severity
from ringtrace.domain.validation import faults
from ringtrace.flowtest import report
from ringtrace.flowtest.cases import Cases, CasesInvalidError, read_cases
from ringtrace.flowtest.run import run
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, end


@click.group()
def flow() -> None:
    """What is to happen to calls."""


@flow.command()
@click.argument("path", metavar="CASES.toml",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def test(*, path: Path, as_json: bool) -> None:
    """Run the cases of a flow on a virtual clock: no network, nobody rings.

    The file has a [flow], or `flow = "other.toml"` beside it, and a [[case]] for each call.
    Exits with 1 when a case fails, with 2 when the file or the flow is invalid.
    """
    cases = _read(path)
    found = faults(cases.flow, {case.number for case in cases.case}, [GatewayKind.SIP])
    for fault in found:
        click.echo(f"{path}: {fault.severity}: flow.{fault.path}: {fault.message}", err=True)
    if any(fault.severity is Severity.ERROR for fault in found):
        sys.exit(EXIT_BAD_INPUT)
    verdicts = run(cases)
    if as_json:
        encoded = msgspec.json.encode(report.data(verdicts, found))
        click.echo(msgspec.json.format(encoded).decode())
    else:
        click.echo("\n".join(report.lines(verdicts)))
    if not all(verdict.passed for verdict in verdicts):
        sys.exit(EXIT_FAILED)


def _read(path: Path) -> Cases:
    document = _parsed(path)
    beside = document.get("flow")
    if isinstance(beside, str):
        document["flow"] = _parsed(path.parent / beside)
    try:
        return read_cases(document)
    except CasesInvalidError as error:
        end(EXIT_BAD_INPUT, f"{path}: {error}")


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        # A file that cannot be read, is no UTF-8 or is no TOML; an OSError names it already.
        end(EXIT_BAD_INPUT, str(error) if isinstance(error, OSError) else f"{path}: {error}")
