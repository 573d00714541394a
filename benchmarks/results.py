"""What was measured, kept as JSON with where it was."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import facts

RESULTS: Final = Path(__file__).with_name("results")


def surroundings(folder: Path) -> dict[str, object]:
    """When, of which commit and where; `folder` is where the stores lie."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": facts.commit(),
        "machine": facts.machine(folder),
        "versions": facts.versions(),
    }


def write(results: Path, name: str, document: Mapping[str, object]) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{name}-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return path
