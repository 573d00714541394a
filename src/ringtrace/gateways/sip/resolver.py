"""Host names to addresses."""

import ipaddress
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ringtrace.gateways.sip.loop import Loop

_log = logging.getLogger(__name__)


class Resolver:
    """Host names to IPv4 addresses, off the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="resolve")

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """`done` gets the address on the loop, `None` when there is none."""
        try:
            done(str(ipaddress.IPv4Address(host)))
        except ValueError:
            self._threads.submit(self._look_up, host, done)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _look_up(self, host: str, done: Callable[[str | None], None]) -> None:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
            address: str | None = str(found[0][4][0])
        except (OSError, UnicodeError) as error:
            _log.warning("target_host_unresolved error=%s", type(error).__name__)
            address = None
        self._loop.post(lambda: done(address))
