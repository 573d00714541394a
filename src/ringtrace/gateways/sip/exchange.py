"""What all calls of a node share."""

from dataclasses import dataclass
from typing import Any

from ringtrace.gateways.sip.leg import Resolver
from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.media import MediaRelay
from ringtrace.gateways.sip.planner import Planner
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.gateways.sip.spool import Spool


@dataclass(frozen=True)
class Exchange:
    """`config` is sippy's configuration for new user agents."""

    settings: NodeSettings
    config: dict[str, Any]
    loop: Loop
    planner: Planner
    resolver: Resolver
    relay: MediaRelay
    spool: Spool
