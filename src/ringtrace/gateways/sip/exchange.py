"""What all calls of a node share."""

from dataclasses import dataclass
from typing import Any

from ringtrace.gateways.sip.announcer import Announcer
from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.media import MediaRelay
from ringtrace.gateways.sip.metrics import Metrics
from ringtrace.gateways.sip.planner import Planner
from ringtrace.gateways.sip.resolver import Resolver
from ringtrace.gateways.sip.room import Room
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.gateways.sip.speech import Speech
from ringtrace.gateways.sip.spool import Spool
from ringtrace.gateways.sip.tones import Sound
from ringtrace.gateways.sip.trunk import Routes


@dataclass(frozen=True)
class Exchange:
    """`config` is sippy's configuration for new user agents.

    `prompt` stands for texts that ask for a key and cannot be spoken.
    """

    settings: NodeSettings
    config: dict[str, Any]
    loop: Loop
    metrics: Metrics
    planner: Planner
    room: Room
    resolver: Resolver
    routes: Routes
    relay: MediaRelay
    announcer: Announcer
    speech: Speech
    prompt: Sound
    spool: Spool
