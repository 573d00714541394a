"""The floor of the SIP node: a B2BUA of sippy alone, which rings one target and passes all on.

python -m benchmarks.sip_floor READY_FILE TARGET_IP:PORT

No backend, no plan, no media relay, no journal, no report. The one cure it shares with the node is
the single sending thread, without which sippy swaps a 180 and the 200 that follows it.
"""

import signal
import sys
from pathlib import Path
from typing import Any

from sippy.CCEvents import CCEventTry
from sippy.Core.EventDispatcher import ED2
from sippy.SipTransactionManager import SipTransactionManager
from sippy.UA import UA
from sippy.Udp_server import Udp_server, Udp_server_opts


class _Options(Udp_server_opts):  # type: ignore[misc] # sippy is untyped
    nworkers = 1
    flags = 0


class _Transactions(SipTransactionManager):  # type: ignore[misc] # sippy is untyped
    model_udp_server = (Udp_server, _Options)


class _Silent:
    def write(self, *_: object, **__: object) -> None:
        return


class _Call:
    def __init__(self, config: dict[str, Any], target: tuple[str, int]) -> None:
        self._config, self._target = config, target
        self.caller = UA(config, self._of_caller)
        self._agent: Any = None

    def _of_caller(self, event: Any, _: Any) -> None:
        if self._agent is None and isinstance(event, CCEventTry):
            self._agent = UA(self._config, self._of_agent, nh_address=self._target)
        if self._agent is not None:
            self._agent.recvEvent(event)

    def _of_agent(self, event: Any, _: Any) -> None:
        self.caller.recvEvent(event)


def main(ready: Path, target: str) -> None:
    host, _, port = target.partition(":")
    config: dict[str, Any] = {
        "_sip_address": "127.0.0.1",
        "_sip_port": 0,
        "_sip_logger": _Silent(),
    }

    def asked(request: Any, transaction: Any) -> Any:
        if request.getMethod() == "INVITE":
            return _Call(config, (host, int(port))).caller.recvRequest(request, transaction)
        return request.genResponse(405, "Method Not Allowed"), None, None

    config["_sip_tm"] = _Transactions(config, asked)
    server = next(iter(config["_sip_tm"].l4r.cache_l2s.values()))
    ED2.regSignal(signal.SIGTERM, ED2.breakLoop)
    ready.write_text(f"127.0.0.1:{server.uopts.laddress[1]}", "ascii")
    ED2.loop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
