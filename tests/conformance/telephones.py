"""Telephones that do what a case says, moment by moment."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace

from ringtrace.demo.behaviour import AgentCall, Answers, Calling
from ringtrace.demo.dialog import Dialog
from ringtrace.demo.phone import Phone
from ringtrace.demo.rtp import RtpStream
from ringtrace.demo.sipmessage import Message, user_of
from ringtrace.demo.transaction import Address
from tests.conformance.case import Presses


@dataclass(frozen=True)
class CallerActs(Calling):
    """`presses` and `leaves` in seconds after it was made, which is when it calls."""

    talk_seconds: float | None = None
    presses: Presses = ()
    leaves: float | None = None
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class TargetActs(Answers):
    """`presses` in seconds after the answer."""

    presses: Presses = ()
    ignores_cancel: bool = False


class CallersPhone(Phone):
    """Makes its calls with `CallerActs`."""

    async def _talk(
        self,
        dialog: Dialog,
        stream: RtpStream,
        answer: Message,
        calling: Calling,
        over: asyncio.Event,
    ) -> int | None:
        if isinstance(calling, CallerActs) and calling.leaves is not None:
            rest = calling.began + calling.leaves - time.monotonic()
            calling = replace(calling, talk_seconds=max(0.0, rest))
        return await super()._talk(dialog, stream, answer, calling, over)

    async def _key(self, dialog: Dialog, stream: RtpStream, party: Calling | Answers) -> None:  # noqa: ARG002 - the phone's signature
        assert isinstance(party, CallerActs)
        await _press(stream, party.presses, party.began)


class TargetsPhone(Phone):
    """All targets of all cases; `calls` are those that are over, by the number called."""

    def calls(self) -> dict[str, list[AgentCall]]:
        while not self.agent_calls.empty():
            call = self.agent_calls.get_nowait()
            self._calls[call.number].append(call)
        return self._calls

    def __init__(self, behaviours: dict[str, TargetActs], otherwise: TargetActs) -> None:
        super().__init__(behaviours, otherwise)
        self._calls: defaultdict[str, list[AgentCall]] = defaultdict(list)

    def _on_request(self, request: Message, source: Address) -> None:
        behaviour = self._behaviours.get(user_of(f"<{request.uri}>"))
        is_deaf = isinstance(behaviour, TargetActs) and behaviour.ignores_cancel
        if request.method == "CANCEL" and is_deaf:
            self._respond(request, source, 200)
        else:
            super()._on_request(request, source)

    async def _key(self, dialog: Dialog, stream: RtpStream, party: Calling | Answers) -> None:  # noqa: ARG002 - the phone's signature
        if isinstance(party, TargetActs):
            await _press(stream, party.presses, time.monotonic())


async def _press(stream: RtpStream, presses: Presses, began: float) -> None:
    for at, key in presses:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        stream.press(key)
