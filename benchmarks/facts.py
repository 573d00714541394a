"""Where the figures were measured, without which they say nothing."""

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("ringtrace", "uvicorn", "uvloop", "httptools", "msgspec")
_SYNCS = 50


def machine(folder: Path) -> dict[str, object]:
    """`folder` is where the database lies."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "fdatasync_us": round(_sync_us(folder)),
    }


def versions(*more: str) -> dict[str, str]:
    """Of what is measured, and of `more` packages."""
    found = {name: version(name) for name in (*_PACKAGES, *more)}
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version} | found


def commit() -> str | None:
    """The commit that is measured, `+` when files differ from it; None outside a checkout."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],  # noqa: S607 - whichever git there is
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent, timeout=10.0,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _sync_us(folder: Path) -> float:
    """Median microseconds of a 4 KiB append that reaches the disk."""
    path = folder / "fdatasync"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return 1e6 * statistics.median(took)
