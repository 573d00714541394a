"""A telephone for demonstrations and tests: calls, rings, answers, speaks a tone and listens.

Deliberately independent of the SIP node's stack, so that both must agree with the standard and
not only with each other. UDP and IPv4, PCMU only.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ringtrace.demo.behaviour import (
    AgentCall,
    Answers,
    Behaviour,
    Calling,
    CallResult,
    NeverAnswers,
    Refuses,
)
from ringtrace.demo.dialog import Dialog, incoming, outgoing
from ringtrace.demo.keypad import KeysAs, press
from ringtrace.demo.rtp import Heard, RtpStream, audio_address, audio_sdp
from ringtrace.demo.sipmessage import Message, new_tag, response, user_of
from ringtrace.demo.transaction import Address, Attempt, Wire

_SILENCE = Heard(0, 0.0, None)


@dataclass
class _Ringing:
    """An incoming call under way."""

    invite: Message
    source: Address
    tag: str = field(default_factory=new_tag)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    stream: RtpStream | None = None
    code: int = 0
    held: bool = False


class Phone:
    """`behaviours` say what to do with a call, by the number called or else by the caller shown.

    `otherwise` is for the rest, `voice` makes the stream of a call.
    """

    def __init__(self, behaviours: Mapping[str, Behaviour], otherwise: Behaviour) -> None:
        self._behaviours = behaviours
        self._otherwise = otherwise
        self.voice: Callable[[], RtpStream] = RtpStream
        self._wire = Wire(self._on_request)
        self._incoming: dict[str, _Ringing] = {}
        self._outgoing: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.agent_calls: asyncio.Queue[AgentCall] = asyncio.Queue()

    @classmethod
    async def open(
        cls,
        ip: str,
        port: int = 0,
        behaviours: Mapping[str, Behaviour] | None = None,
        otherwise: Behaviour | None = None,
        voice: Callable[[], RtpStream] = RtpStream,
    ) -> "Phone":
        """Bind and listen; raises `OSError` when the address is taken."""
        phone = cls({} if behaviours is None else behaviours, otherwise or Refuses(404))
        phone.voice = voice
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: phone._wire, local_addr=(ip, port))
        return phone

    @property
    def address(self) -> Address:
        return self._wire.address

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wire.close()
        await asyncio.sleep(0)

    async def call(self, uri: str, caller: str, calling: Calling) -> CallResult:
        """Call `uri` showing `caller` ("" to withhold) and stay until the call is over.

        Without any answer for half a minute the result's code is 408.
        """
        stream = await self.voice().bind(self.address[0])
        dialog = outgoing(uri, caller, self.address)
        over = self._outgoing[dialog.call_id] = asyncio.Event()
        started = time.monotonic()
        try:
            sdp = audio_sdp(
                self.address[0], stream.port, events=calling.keys_as is not KeysAs.TONES
            )
            invite = dialog.request("INVITE", body=sdp)
            attempt = self._wire.request(invite, dialog.far_address)
            answer, rang = await self._wait_for_answer(dialog, attempt, calling)
            ring_seconds = time.monotonic() - started
            if answer is None:
                return CallResult(408, rang, ring_seconds, 0.0, await stream.close())
            code = answer.code or 0
            if code != 200:  # noqa: PLR2004 - OK
                return CallResult(code, rang, ring_seconds, 0.0, await stream.close())
            hold_code = await self._talk(dialog, stream, answer, calling, over)
            talk_seconds = time.monotonic() - started - ring_seconds
            heard = await stream.close()
            return CallResult(
                code,
                rang,
                ring_seconds,
                talk_seconds,
                heard,
                hold_code,
                stream.tone_at,
                tuple(stream.keys_at),
            )
        finally:
            del self._outgoing[dialog.call_id]
            await stream.close()

    async def _wait_for_answer(
        self, dialog: Dialog, attempt: Attempt, calling: Calling
    ) -> tuple[Message | None, bool]:
        """The final answer, acknowledged, and whether it rang."""
        rang = False
        cancel: asyncio.Task[None] | None = None
        invite = attempt.request
        try:
            while (code := (answer := await attempt.next()).code or 0) < 200:  # noqa: PLR2004 - final answers
                rang = rang or code >= 180  # noqa: PLR2004 - ringing
                if rang and cancel is None and calling.cancel_after is not None:
                    cancel = asyncio.create_task(
                        self._cancel(dialog, invite, attempt.to, calling.cancel_after)
                    )
        except TimeoutError:
            return None, rang
        finally:
            if cancel is not None:
                cancel.cancel()
        dialog.confirm(answer)
        if code < 300:  # noqa: PLR2004 - success
            self._wire.acknowledge(dialog.ack(invite), dialog.far_address)
        else:
            self._wire.acknowledge(dialog.follow("ACK", invite), attempt.to)
        return answer, rang

    async def _cancel(self, dialog: Dialog, invite: Message, to: Address, after: float) -> None:
        await asyncio.sleep(after)
        await self._wire.request(dialog.follow("CANCEL", invite), to).final()

    async def _talk(
        self,
        dialog: Dialog,
        stream: RtpStream,
        answer: Message,
        calling: Calling,
        over: asyncio.Event,
    ) -> int | None:
        stream.speak(audio_address(answer.body), calling.tone_hz)
        hold_code = None
        rest = calling.talk_seconds
        keying = asyncio.create_task(self._key(dialog, stream, calling))
        if calling.hold_after is not None:
            await _wait(over, calling.hold_after)
            hold_code = await self._hold(dialog, stream)
            rest = None if rest is None else max(0.0, rest - calling.hold_after)
        left = await _wait(over, rest)
        keying.cancel()
        await asyncio.gather(keying, return_exceptions=True)
        if not left:
            await self._wire.request(dialog.request("BYE"), dialog.far_address).final()
        return hold_code

    async def _key(self, dialog: Dialog, stream: RtpStream, party: Calling | Answers) -> None:
        await asyncio.sleep(party.keys_after)
        await press(party.keys, party.keys_as, self._wire, dialog, stream)

    async def _hold(self, dialog: Dialog, stream: RtpStream) -> int:
        sdp = audio_sdp(self.address[0], stream.port, "sendonly")
        attempt = self._wire.request(dialog.request("INVITE", body=sdp), dialog.far_address)
        answer = await attempt.final()
        self._wire.acknowledge(dialog.ack(attempt.request), dialog.far_address)
        return answer.code or 0

    def _on_request(self, request: Message, source: Address) -> None:
        call_id = request.header("call-id")
        ringing = self._incoming.get(call_id)
        if request.method == "INVITE" and ringing is None and ";tag=" not in request.header("to"):
            ringing = self._incoming[call_id] = _Ringing(request, source)
            task = asyncio.create_task(self._serve(ringing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif request.method == "INVITE" and ringing is not None and ringing.stream is not None:
            self._on_reinvite(ringing, ringing.stream, request, source)
        elif request.method == "CANCEL" and ringing is not None and ringing.code == 0:
            self._respond(request, source, 200)
            ringing.code = 487
            self._respond(ringing.invite, ringing.source, 487, ringing.tag)
            ringing.over.set()
        elif request.method == "BYE" and (ringing is not None or call_id in self._outgoing):
            self._respond(request, source, 200)
            (ringing.over if ringing is not None else self._outgoing[call_id]).set()
        else:
            self._respond(request, source, 200 if request.method == "OPTIONS" else 481)

    def _on_reinvite(
        self, ringing: _Ringing, stream: RtpStream, request: Message, source: Address
    ) -> None:
        ringing.held = ringing.held or "a=sendonly" in request.body
        stream.remote = audio_address(request.body)
        direction = "recvonly" if "a=sendonly" in request.body else "sendrecv"
        sdp = audio_sdp(self.address[0], stream.port, direction)
        self._respond(request, source, 200, ringing.tag, sdp)

    def _respond(
        self, request: Message, to: Address, code: int, tag: str = "", sdp: str = ""
    ) -> None:
        ip, port = self.address
        contact = f"<sip:phone@{ip}:{port}>"
        answer = response(request, code, tag=tag or new_tag(), contact=contact, sdp=sdp)
        self._wire.respond(request, answer, to)

    async def _serve(self, ringing: _Ringing) -> None:
        number = user_of(f"<{ringing.invite.uri}>")
        caller = user_of(ringing.invite.header("from"))
        by_caller = self._behaviours.get(caller, self._otherwise)
        behaviour = self._behaviours.get(number, by_caller)
        heard, talk_seconds = _SILENCE, 0.0
        if isinstance(behaviour, Refuses):
            self._respond(ringing.invite, ringing.source, 100)
        else:
            self._respond(ringing.invite, ringing.source, 180, ringing.tag)
        after = None if isinstance(behaviour, NeverAnswers) else behaviour.after
        if isinstance(behaviour, NeverAnswers) and behaviour.early_hz is not None:
            heard = await self._speak_early(ringing, behaviour.early_hz)
        if not await _wait(ringing.over, after):
            if isinstance(behaviour, Answers):
                heard, talk_seconds = await self._converse(ringing, behaviour)
            elif isinstance(behaviour, Refuses):
                ringing.code = behaviour.code
                self._respond(ringing.invite, ringing.source, behaviour.code, ringing.tag)
        self.agent_calls.put_nowait(
            AgentCall(
                number,
                caller,
                ringing.code,
                talk_seconds,
                heard,
                ringing.held,
                None if ringing.stream is None else ringing.stream.tone_at,
            )
        )

    async def _speak_early(self, ringing: _Ringing, hz: float) -> Heard:
        stream = await self.voice().bind(self.address[0])
        sdp = audio_sdp(self.address[0], stream.port)
        self._respond(ringing.invite, ringing.source, 183, ringing.tag, sdp)
        try:
            stream.speak(audio_address(ringing.invite.body), hz)
            await ringing.over.wait()
        finally:
            heard = await stream.close()
        return heard

    async def _converse(self, ringing: _Ringing, behaviour: Answers) -> tuple[Heard, float]:
        stream = ringing.stream = await self.voice().bind(self.address[0])
        ringing.code = 200
        by_events = behaviour.keys_as is not KeysAs.TONES
        sdp = audio_sdp(self.address[0], stream.port, events=by_events)
        self._respond(ringing.invite, ringing.source, 200, ringing.tag, sdp)
        started = time.monotonic()
        dialog = incoming(ringing.invite, ringing.tag, self.address)
        keying = asyncio.create_task(self._key(dialog, stream, behaviour))
        try:
            stream.speak(audio_address(ringing.invite.body), behaviour.tone_hz)
            if not await _wait(ringing.over, behaviour.hang_up_after):
                await self._wire.request(dialog.request("BYE"), dialog.far_address).final()
        finally:
            keying.cancel()
            heard = await stream.close()
        return heard, time.monotonic() - started


async def _wait(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether `event` came within `seconds` (`None`: however long it takes)."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
