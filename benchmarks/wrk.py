"""Load by wrk (Debian and Ubuntu: `apt-get install wrk`), a client that costs little CPU."""

import shutil
import subprocess
from pathlib import Path

import msgspec

from benchmarks.request import Figures, Template

_SCRIPT = Path(__file__).with_name("requests.lua")
_MORE_SECONDS = 20.0
HOW_TO_GET = "wrk is not installed (Debian, Ubuntu: apt-get install wrk)"


class WrkError(RuntimeError):
    """wrk did not run."""


def path() -> str | None:
    return shutil.which("wrk")


def load(
    url: str, template: Template, prefix: str, counter: int, connections: int, seconds: int
) -> Figures:
    """Ask for `seconds` over `connections` kept open. Raises WrkError."""
    program = path()
    if program is None:
        raise WrkError(HOW_TO_GET)
    headers = [part for pair in template.headers for part in pair]
    command = [
        program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(_SCRIPT), url, "--", "POST", template.path, template.body, prefix,
        str(counter), str(template.cycle), *headers,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, capture_output=True, text=True, check=False, timeout=seconds + _MORE_SECONDS
    )
    if done.returncode:
        raise WrkError(done.stdout + done.stderr)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Figures)
