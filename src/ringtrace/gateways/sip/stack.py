"""The SIP stack (sippy), set up once per process, with the cures it needs.

sippy keeps its state in the process: one stack per process, driven by the thread that imports it.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from sippy.Core.EventDispatcher import ED2
from sippy.SipConf import SipConf
from sippy.SipTransactionManager import SipTransactionManager
from sippy.SipURL import SipURL
from sippy.Time import clock_dtime
from sippy.Time.Timeout import Timeout
from sippy.Udp_server import Udp_server, Udp_server_opts

from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.throttle import Throttle

_log = logging.getLogger(__name__)
_LAST_PORT = 65_535
_REFUSED = 300
_PROVISIONAL_REPEAT_SECONDS = 60  # RFC 3261 13.3.1.1: else proxies give a long ringing up


class StackLoop:
    """`Loop` on sippy's event dispatcher."""

    def post(self, action: Callable[[], None]) -> None:
        ED2.callFromThread(action)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer: Timer = Timeout(action, seconds)
        return timer

    def on_signal(self, number: int, action: Callable[[], None]) -> None:
        ED2.regSignal(number, action)

    def run(self) -> None:
        ED2.loop()

    def stop(self) -> None:
        ED2.breakLoop()


class _Trace:
    """sippy hands every message here; messages hold phone numbers, so none is kept."""

    def write(self, *_: object, **__: object) -> None:
        return


class _UdpOptions(Udp_server_opts):  # type: ignore[misc] # sippy is untyped
    nworkers = 1  # several senders would swap a 180 and the 200 that follows it
    flags = 0  # no address reuse: a second node on the same port must fail to start


def start_stack(
    *,
    ip: str,
    port: int,
    public_ip: str,
    on_request: Callable[[Any, Any], Any],
) -> tuple[dict[str, Any], int]:
    """Bind and start; returns sippy's configuration for new user agents, and the bound port.

    `on_request(request, transaction)` gets the requests outside of known dialogues and returns
    sippy's triple (response, cancel callback, no-ACK callback). Raises `OSError` when the address
    cannot be bound.
    """
    _cure()

    class Server(Udp_server):  # type: ignore[misc] # sippy is untyped
        def getSIPaddr(self) -> tuple[tuple[str, int], str]:  # noqa: N802 - sippy's name
            return (public_ip, self.uopts.laddress[1]), "udp"

        def send_to(
            self, data: bytes | str, address: tuple[str, int], delayed: bool = False
        ) -> None:
            """Not to a port that cannot be: the only sending thread would die of it."""
            if 0 < address[1] <= _LAST_PORT:
                super().send_to(data, address, delayed)

    class Transactions(SipTransactionManager):  # type: ignore[misc] # sippy is untyped
        model_udp_server = (Server, _UdpOptions)
        provisional_retr = _PROVISIONAL_REPEAT_SECONDS

        def incomingResponse(self, msg: Any, t: Any, checksum: bytes) -> None:  # noqa: N802 - sippy's name
            """The ACK of a refusal goes the INVITE's way (RFC 3261 17.1.1.3).

            sippy sends it to the refusal's Contact, past every proxy between.
            """
            if msg.getSCode()[0] >= _REFUSED:
                msg.delHFs("contact")
                msg.delHFs("record-route")
            super().incomingResponse(msg, t, checksum)

    SipConf.my_uaname = "ringtrace"
    SipConf.autoconvert_tel_url = True
    config: dict[str, Any] = {
        "_sip_address": ip,
        "_sip_port": port,
        "_sip_logger": _Trace(),
    }
    config["_sip_tm"] = Transactions(config, on_request)
    server = next(iter(config["_sip_tm"].l4r.cache_l2s.values()))
    return config, int(server.uopts.laddress[1])


def error_place(error: BaseException) -> str:
    """Type and place of `error` without its message, which may hold a phone number."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {place}"


def _cure() -> None:
    plain = SipURL.getTAddr

    def udp_only(url: Any) -> Any:
        # "transport=UDP" or "tcp" in a Contact would otherwise raise when we send to it.
        return plain(url)[0], "udp"

    SipURL.getTAddr = udp_only
    errors = _ErrorLog()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "sippy":
            continue
        if hasattr(module, "dump_exception"):
            vars(module)["dump_exception"] = errors.dump
        # sippy prints whole messages to stdout here and there.
        vars(module)["print"] = errors.printed
        # It asks `"my" in dir(value)` for every part of an address, and lists all names each time.
        vars(module)["dir"] = _marks
    # It reads the clock through ctypes. Both together are a quarter of what its loop costs.
    clock_dtime.clock_getitime = _clock


def _marks(value: object) -> tuple[str, ...]:
    return ("my",) if hasattr(value, "my") else ()


def _clock(which: int) -> tuple[int, int]:
    """Seconds and nanoseconds."""
    return divmod(time.clock_gettime_ns(which), 1_000_000_000)


class _ErrorLog:
    """A line a second, at most, of what the stack could not digest."""

    def __init__(self) -> None:
        self._throttle = Throttle()

    def dump(self, *_: object, **__: object) -> None:
        error = sys.exc_info()[1]
        self._write("sip_stack_error", error_place(error) if error else "unknown")

    def printed(self, *_: object, **__: object) -> None:
        self._write("sip_stack_notice", "message not kept")

    def _write(self, event: str, what: str) -> None:
        if (suppressed := self._throttle.admit()) is not None:
            _log.warning("%s error=%r suppressed=%d", event, what, suppressed)
