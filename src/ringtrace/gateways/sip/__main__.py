"""`python -m ringtrace.gateways.sip`: the `sip-node` command, without loading the others."""

import logging
import sys

from ringtrace.gateways.sip.command import sip_node

if __name__ == "__main__":
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sip_node(prog_name="ringtrace sip-node")
