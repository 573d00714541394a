"""SIPp (Debian: `sip-tester`), the telephones of the SIP benchmark."""

import contextlib
import csv
import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringtrace.gateways.sip.g711 import PCMU, RATE, encode

CALLER_IP, AGENT_IP = "127.0.0.2", "127.0.0.3"
HOW_TO_GET = "sipp is needed: apt-get install sip-tester"
_TONE_HZ = 440.0
_STOP_SECONDS = 10.0

# Every call has a caller of its own: who calls again and again is asked to press a key.
_HEAD = """
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:44[pid]0[call_number]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
    Call-ID: [call_id]
    CSeq: {sequence} {method}
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
"""
_SDP = """
    v=0
    o=user1 53655765 2353687637 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [{port}] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
"""


class SippError(RuntimeError):
    """SIPp is not there, or did not end as it should."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What SIPp counted; `seconds` is from its first call to the end of its last one."""

    successful: int
    failed: int
    retransmissions: int
    seconds: float


def path() -> str:
    """Raises SippError."""
    found = shutil.which("sipp")
    if found is None:
        raise SippError(HOW_TO_GET)
    return found


def write_tone(file: Path, seconds: float) -> None:
    """A tone without a silent moment, so that a lost packet is heard as one."""
    turns = np.arange(round(seconds * RATE)) * _TONE_HZ / RATE
    file.write_bytes(encode(9_000 * np.sin(2 * np.pi * turns), PCMU))


def call(
    folder: Path,
    to: str,
    number: str,
    *,
    calls: int,
    rate: float,
    hold_seconds: float,
    tone: Path | None = None,
) -> Calls:
    """Place `calls` at `rate` a second, each held for `hold_seconds` and then hung up.

    With `tone` both sides send it all the while. Raises SippError when SIPp itself fails.
    """
    scenario = folder / "caller.xml"
    scenario.write_text(_caller(round(hold_seconds * 1_000), tone), "utf-8")
    statistics = folder / "caller.csv"
    statistics.unlink(missing_ok=True)
    limit = calls / rate + hold_seconds + 60
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            *(path(), "-sf", str(scenario), "-s", number, "-i", CALLER_IP, "-mi", CALLER_IP),
            *("-m", str(calls), "-r", f"{rate:g}", "-l", str(calls), "-nostdin"),
            *("-mp", "40000", "-rtp_threadtasks", "200"),
            *("-trace_stat", "-stf", str(statistics), "-fd", "3600", to),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=limit,
        check=False,
    )
    if not statistics.exists():
        raise SippError(done.stderr.decode("utf-8", "replace")[-500:])
    with statistics.open(encoding="latin-1", newline="") as file:
        *_, last = csv.DictReader(file, delimiter=";")
    hours, minutes, rest = last["ElapsedTime(C)"].split(":")[:3]
    return Calls(
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        seconds=3_600 * int(hours) + 60 * int(minutes) + float(rest),
    )


@contextlib.contextmanager
def agents(folder: Path, port: int, tone: Path | None = None) -> Iterator[None]:
    """Telephones that ring and answer at once, until they are hung up."""
    scenario = folder / "agent.xml"
    scenario.write_text(_agent(tone), "utf-8")
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [
            *(path(), "-sf", str(scenario), "-i", AGENT_IP, "-mi", AGENT_IP, "-p", str(port)),
            *("-mp", "50000", "-rtp_threadtasks", "200", "-nostdin"),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(_STOP_SECONDS)


def lost_packets(file: Path, packet_seconds: float = 0.02) -> int:
    """Packets' worth of silence between the first and the last sound of either side."""
    with wave.open(str(file)) as wav:
        size = round(packet_seconds * wav.getframerate())
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        sides = samples.reshape(-1, wav.getnchannels()).T
    return sum(_silent(side, size) for side in sides)


def _silent(side: npt.NDArray[np.int16], size: int) -> int:
    packets = side[: len(side) // size * size].reshape(-1, size)
    sounding = np.flatnonzero(packets.any(axis=1))
    if not len(sounding):
        return len(packets)
    return int(sounding[-1] - sounding[0] + 1 - len(sounding))


def _head(method: str, sequence: int, tag: str = "") -> str:
    return _HEAD.strip("\n").format(method=method, sequence=sequence, tag=tag)


def _stream(tone: Path | None) -> str:
    if tone is None:
        return ""
    return f'<nop><action><exec rtp_stream="{tone},-1,0"/></action></nop>'


def _caller(hold_ms: int, tone: Path | None) -> str:
    port = "media_port" if tone is None else "rtpstream_audio_port"
    start = "sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
    INVITE {start}{_head("INVITE", 1)}
    Content-Type: application/sdp
    Content-Length: [len]
{_SDP.format(port=port)}
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200"/>
  <send><![CDATA[
    ACK {start}{_head("ACK", 1, "[peer_tag_param]")}
    Content-Length: 0

  ]]></send>
  {_stream(tone)}
  <pause milliseconds="{hold_ms}"/>
  <send retrans="500"><![CDATA[
    BYE {start}{_head("BYE", 2, "[peer_tag_param]")}
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def _agent(tone: Path | None) -> str:
    port = "media_port" if tone is None else "rtpstream_audio_port"
    said = """    [last_Via:]
    [last_From:]
    [last_To:]{tag}
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
"""
    tagged = said.format(tag=";tag=[pid]SIPp[call_number]")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="agent">
  <recv request="INVITE"/>
  <send><![CDATA[
    SIP/2.0 180 Ringing
{tagged}    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
    SIP/2.0 200 OK
{tagged}    Content-Type: application/sdp
    Content-Length: [len]
{_SDP.format(port=port)}
  ]]></send>
  <recv request="ACK"/>
  {_stream(tone)}
  <recv request="BYE"/>
  <send><![CDATA[
    SIP/2.0 200 OK
{said.format(tag="")}    Content-Length: 0

  ]]></send>
</scenario>
"""
