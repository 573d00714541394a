"""SIPp, a telephone that neither we nor the node's stack wrote, and pieces of its scenarios."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

CALLER_IP = "127.0.0.2"
NUMBER = "15550100101"
OFFER = """v=0
    o=user1 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0 8 101
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15"""


async def sipp(
    target: str,
    folder: Path,
    *options: str,
    number: str = NUMBER,
    ip: str = CALLER_IP,
    calls: int = 1,
    rate: float = 10,
    seconds: float = 10,
) -> int:
    """Call `number` at `target` (ip:port); its exit code, 0 when every call went as written."""
    process = await asyncio.create_subprocess_exec(
        "sipp",
        *("-m", str(calls), "-r", str(rate), "-i", ip, "-mi", ip, "-s", number, "-nostdin"),
        *("-timeout", f"{seconds:.0f}s", "-timeout_error", *options, target),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), seconds + 10)
    finally:
        await _end(process)


@contextlib.asynccontextmanager
async def sipp_server(
    port: int, folder: Path, *options: str, ip: str, calls: int = 1, seconds: float = 20
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Takes `calls` calls; after the block each of them must have gone as written."""
    process = await asyncio.create_subprocess_exec(
        "sipp",
        *("-m", str(calls), "-i", ip, "-mi", ip, "-p", str(port), "-nostdin"),
        *("-timeout", f"{seconds:.0f}s", "-timeout_error", *options),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _bound(ip, port)
        yield process
        assert await asyncio.wait_for(process.wait(), seconds + 10) == 0
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _bound(ip: str, port: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((ip, port))
            except OSError:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("SIPp does not listen")


def scenario(folder: Path, *steps: str, name: str = "scenario") -> str:
    """The steps as a file; its path."""
    file = folder / f"{name}.xml"
    text = "\n".join(steps)
    file.write_text(
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="s">\n{text}\n</scenario>\n'
    )
    return str(file)


def request(
    method: str,
    sequence: int = 1,
    *,
    headers: str = "",
    body: str = "",
    via: str = "[transport]",
    is_in_dialog: bool = True,
    transaction: str | None = None,
) -> str:
    """A caller's request; an ACK is not repeated, everything else is until it is answered.

    With a name for its `transaction` no answer is mistaken for that to another request.
    """
    tag = "[peer_tag_param]" if is_in_dialog else ""
    content = "Content-Type: application/sdp\n    " if method == "INVITE" else ""
    extra = f"{headers}\n    " if headers else ""
    repeat = "" if method == "ACK" else ' retrans="500"'
    if transaction is not None:
        repeat += f' {"ack" if method == "ACK" else "start"}_txn="{transaction}"'
    uri = "[next_url]" if is_in_dialog else "sip:[service]@[remote_ip]:[remote_port]"
    return f"""<send{repeat}><![CDATA[
    {method} {uri} SIP/2.0
    Via: SIP/2.0/{via} [local_ip]:[local_port];branch=[branch]
    From: <sip:15550177001@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
    [routes]
    Call-ID: [call_id]
    CSeq: {sequence} {method}
    Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
    Max-Forwards: 70
    {extra}{content}Content-Length: [len]

    {body}
  ]]></send>"""


def invite(sequence: int = 1, **more: Any) -> str:
    return request("INVITE", sequence, body=OFFER, is_in_dialog=False, **more)


def refused_ack(sequence: int = 1) -> str:
    """For a final response that is no success: part of the INVITE's transaction."""
    return f"""<send><![CDATA[
    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    [last_Via:]
    [last_From:]
    [last_To:]
    Call-ID: [call_id]
    CSeq: {sequence} ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>"""


def received(response: int, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<recv response="{response}"{more}></recv>'


def asked(method: str, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<recv request="{method}"{more}></recv>'


def answer(code: str, *, headers: str = "", body: str = "", tag: str = "[call_number]") -> str:
    """To the last request; `code` with its phrase."""
    content = "Content-Type: application/sdp\n    " if body else ""
    extra = f"{headers}\n    " if headers else ""
    repeat = ' retrans="500"' if body else ""
    return f"""<send{repeat}><![CDATA[
    SIP/2.0 {code}
    [last_Via:]
    [last_From:]
    [last_To:];tag={tag}
    [last_Call-ID:]
    [last_CSeq:]
    [last_Record-Route:]
    Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
    {extra}{content}Content-Length: [len]

    {body}
  ]]></send>"""


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


RINGING = "\n".join(received(code, optional="true") for code in (100, 180))
ANSWERED = f"{RINGING}\n" + received(200, rrs="true")
TALKS = (invite(), ANSWERED, request("ACK"), pause(300), request("BYE", 2), received(200))
"""Calls, talks and hangs up."""

IS_LEFT = (invite(), ANSWERED, request("ACK"), asked("BYE", timeout="6000"), answer("200 OK"))
"""Calls, and the other side hangs up."""


async def play(target: str, folder: Path, *steps: str, **more: Any) -> int:
    """`sipp` with a scenario of `steps`."""
    options = more.pop("options", ())
    file = scenario(folder, *steps, name=f"calls-{len(list(folder.iterdir()))}")
    return await sipp(target, folder, "-sf", file, *options, **more)
