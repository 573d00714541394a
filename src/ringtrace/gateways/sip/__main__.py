"""`python -m ringtrace.gateways.sip SETTINGS.json`: run one node in the foreground."""

import logging
import sys
from pathlib import Path

from ringtrace.gateways.sip.node import run
from ringtrace.gateways.sip.settings import settings_from_json
from ringtrace.gateways.sip.spool import SpoolError

_USAGE = 2


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ringtrace.gateways.sip SETTINGS.json\n")
        return _USAGE
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = settings_from_json(Path(arguments[0]).read_bytes())
        run(settings)
    except (OSError, ValueError, SpoolError) as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
