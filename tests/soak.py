"""The figures of `make soak`, kept with their date where RINGTRACE_SOAK_RESULTS says."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import facts


def keep(name: str, figures: dict[str, object], folder: Path) -> None:
    """Beside those of the day's other tests; `folder` is where the data lay."""
    place = os.environ.get("RINGTRACE_SOAK_RESULTS")
    if not place:
        return
    today = datetime.now(UTC)
    path = Path(place) / f"soak-{today.date()}.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    known[name] = {
        "at": today.isoformat(timespec="seconds"),
        "commit": facts.commit(),
        "machine": facts.machine(folder),
        "versions": facts.versions(),
        **figures,
    }
    path.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
