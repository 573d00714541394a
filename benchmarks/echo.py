"""The floor: the product's HTTP server and plumbing around nothing.

The event loop, HTTP parser and settings of `ringtrace serve`; reads the body, decodes it into the
product's own struct and encodes an answer like the product's. No store, no domain, no tokens.
"""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop

from ringtrace.config import write_private
from ringtrace.domain.number import Written
from ringtrace.domain.plan import Dial, Target
from ringtrace.domain.visit import HitKind
from ringtrace.web.asgi import Header, Receive, Scope, Send, decode, read_body, respond
from ringtrace.web.asgi import respond_json as answer
from ringtrace.web.telephony import (
    PREFIX,
    PlanForm,
    arrival_decoder,
    report_decoder,
)
from ringtrace.web.tracking import hit_decoder

_BACKLOG = 2_048
_NUMBER = "+12025551000"
_SHOWN = {
    "number": Written(_NUMBER, "(202) 555-1000", "+1 202-555-1000"),
    "swap": ("+12025550100",),
    "reason": None,
}
_CORS: tuple[Header, ...] = (
    (b"vary", b"Origin"),
    (b"access-control-allow-origin", b"https://shop.example"),
)
_DIAL = Dial((Target("+12025550191", 25),), _NUMBER, record=True)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    path: str = scope["path"]
    if path == "/t/hit":
        hit = decode(hit_decoder, await read_body(receive))
        if hit.kind is HitKind.PAGE:
            await answer(send, _SHOWN, headers=_CORS)
        else:
            await respond(send, 204, headers=_CORS)
    elif path == PREFIX:
        arrival = decode(arrival_decoder, await read_body(receive))
        await answer(send, PlanForm(arrival.call, arrival.number, (_DIAL,), 7_200, cacheable=True))
    else:
        decode(report_decoder, await read_body(receive))
        await answer(send, {"result": "created"})


def http_config() -> uvicorn.Config:
    """As `ringtrace serve` has it, but with uvicorn's own protocol; a test compares the two."""
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def main() -> None:
    """Serve on a free port; the URL goes to the file that the one argument names."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        write_private(Path(sys.argv[1]), f"http://127.0.0.1:{listener.getsockname()[1]}")
        runner.run(uvicorn.Server(http_config()).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
