"""Trunks that want to know who calls, that fill up, and that are away."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers, Refuses
from ringtrace.demo.phone import Phone
from ringtrace.demo.sipmessage import Message, new_tag, parse, response
from tests.integration.sip.conftest import (
    AGENT,
    AGENT_IP,
    CALLER,
    OUR_NUMBER,
    SECOND_AGENT,
    Backend,
    Node,
    dial,
    plan,
    plan_of,
    until,
)
from tests.sipsound import agent_call

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
USER, PASSWORD, REALM = "acme", "s3cret word", "carrier.example"


@dataclass
class Carrier(asyncio.DatagramProtocol):
    """Challenges with `challenge`, grants `expires` seconds, ends calls with `code`.

    It takes `thinking` seconds over a challenge.
    """

    challenge: int = 0
    thinking: float = 0.0
    code: int = 486
    expires: int = 300
    is_mute: bool = False
    requests: list[Message] = field(default_factory=list)
    admitted: list[Message] = field(default_factory=list)
    port: int = 0
    _nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        if message.method == "ACK" or message.code is not None:
            return
        self.requests.append(message)
        if self.is_mute:
            return
        header = "authorization" if self.challenge == 401 else "proxy-authorization"
        if self.challenge and not (message.has(header) and self._knows(message, header)):
            name = "WWW" if self.challenge == 401 else "Proxy"
            extra = (
                f'{name}-Authenticate: Digest realm="{REALM}", nonce="{self._nonce}", qop="auth"'
            )
            later = (message, self.challenge, addr, extra)
            asyncio.get_running_loop().call_later(self.thinking, self._answer, *later)
            return
        self.admitted.append(message)
        code = self.code if message.method == "INVITE" else 200
        self._answer(message, code, addr, f"Expires: {self.expires}")

    def _answer(self, request: Message, code: int, to: tuple[str, int], extra: str) -> None:
        head, _, rest = response(request, code, tag=new_tag()).encode().partition(b"\r\n")
        assert self._transport is not None
        self._transport.sendto(head + b"\r\n" + extra.encode() + b"\r\n" + rest, to)

    def _knows(self, message: Message, header: str) -> bool:
        found = dict(re.findall(r'(\w+)="?([^",]*)"?', message.header(header)))
        one = _md5(f"{USER}:{REALM}:{PASSWORD}")
        two = _md5(f"{message.method}:{found['uri']}")
        parts = (one, self._nonce, found["nc"], found["cnonce"], "auth", two)
        return bool(found["response"] == _md5(":".join(parts)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
async def carriers() -> AsyncIterator[Callable[..., Any]]:
    opened: list[Carrier] = []

    async def make(**behaviour: Any) -> Carrier:
        loop = asyncio.get_running_loop()
        _, carrier = await loop.create_datagram_endpoint(
            lambda: Carrier(**behaviour), local_addr=(AGENT_IP, 0)
        )
        opened.append(carrier)
        return carrier

    yield make
    for carrier in opened:
        assert carrier._transport is not None
        carrier._transport.close()
    await asyncio.sleep(0)


def trunk(port: int, **more: Any) -> dict[str, Any]:
    return {"host": f"{AGENT_IP}:{port}", **more}


ACCOUNT = {"username": USER, "password": PASSWORD, "domain": "pbx.example"}
MakeNode = Callable[..., Node]


def started(own_node: MakeNode, *trunks: dict[str, Any], **changes: Any) -> Node:
    node = own_node(trunks=trunks, **changes)
    node.start()
    return node


@pytest.mark.parametrize("challenge", [401, 407])
async def test_a_challenged_call_is_repeated_with_credentials(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any, challenge: int
) -> None:
    carrier = await carriers(challenge=challenge)
    node = started(own_node, trunk(carrier.port, **ACCOUNT))
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling())
    assert (result.code, (await backend.report())["code"]) == (486, 486)
    first, second = carrier.requests
    assert (first.header("call-id"), first.sequence + 1) == (
        second.header("call-id"),
        second.sequence,
    )
    assert first.header("max-forwards") == second.header("max-forwards") == "69"
    assert PASSWORD not in node.log


async def test_wrong_credentials_fail_the_leg_and_end_nothing_else(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any
) -> None:
    carrier = await carriers(challenge=407)
    node = started(own_node, trunk(carrier.port, **{**ACCOUNT, "password": "wrong"}))
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling())
    assert (result.code, (await backend.report())["code"]) == (500, 407)
    assert len(carrier.requests) == 2


async def test_a_challenge_that_comes_too_late_is_not_answered(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any
) -> None:
    """Else the target would ring for nobody."""
    late = await carriers(challenge=407, thinking=0.8)
    node = started(own_node, trunk(late.port, **ACCOUNT))
    backend.plan = plan((AGENT, 5))
    assert (await caller.call(node.uri(), CALLER, Calling())).code == 480
    assert (await backend.report())["code"] == 408
    await asyncio.sleep(0.6)
    assert late.requests
    assert not [m for m in late.requests if m.has("proxy-authorization")]


async def test_a_trunk_is_told_who_calls_and_who_diverted(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any
) -> None:
    carrier = await carriers()
    node = started(own_node, trunk(carrier.port, domain="pbx.example", number_format="digits"))
    for caller_id in (OUR_NUMBER, CALLER):
        backend.plan = plan_of({**dial((AGENT, 5)), "caller_id": caller_id})
        await caller.call(node.uri(), CALLER, Calling())
    ours, theirs = carrier.admitted
    assert ours.uri == f"sip:{AGENT[1:]}@{AGENT_IP}:{carrier.port}"
    assert ours.header("from").startswith(f"<sip:{OUR_NUMBER}@pbx.example>")
    assert ours.header("p-asserted-identity") == f"<sip:{OUR_NUMBER}@pbx.example>"
    assert not ours.has("diversion")
    assert theirs.header("p-asserted-identity") == f"<sip:{CALLER}@pbx.example>"
    diversion = f"<sip:{OUR_NUMBER}@pbx.example>;reason=unconditional"
    assert theirs.header("diversion") == diversion
    await until(lambda: len(backend.reports) == 2)


async def test_the_account_is_registered_refreshed_and_signed_off(
    own_node: MakeNode, carriers: Any
) -> None:
    carrier = await carriers(challenge=401, expires=8)
    node = started(own_node, trunk(carrier.port, register=True, **ACCOUNT))
    await until(lambda: len(carrier.admitted) >= 2, 12)
    await asyncio.to_thread(node.stop)
    await until(lambda: len(carrier.admitted) >= 3)
    first, second, last = carrier.admitted[0], carrier.admitted[1], carrier.admitted[-1]
    assert {message.method for message in carrier.requests} == {"REGISTER"}
    assert first.uri == "sip:pbx.example"
    assert "<sip:acme@pbx.example>" in first.header("to")
    assert node.address in first.header("contact")
    assert first.header("call-id") == second.header("call-id") == last.header("call-id")
    assert [m.header("expires") for m in (first, second, last)] == ["300", "300", "0"]
    assert "trunk_registered" in node.log


@pytest.mark.parametrize("first", [{"code": 503}, {"is_mute": True}])
async def test_a_trunk_that_is_away_leaves_the_call_to_the_next(
    own_node: MakeNode,
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    agent_port: int,
    carriers: Any,
    first: dict[str, Any],
) -> None:
    away = await carriers(**first)
    agent = await agents({AGENT: Answers(after=0)})
    node = started(own_node, trunk(away.port), trunk(agent_port))
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    await agent_call(agent)
    report = await backend.report()
    assert result.code == 200
    assert away.requests
    assert [leg["code"] for leg in report["legs"]] == [200], "one leg, whichever way it went"


async def test_a_target_that_is_busy_is_not_tried_by_another_trunk(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any
) -> None:
    busy, other = await carriers(code=486), await carriers()
    node = started(own_node, trunk(busy.port), trunk(other.port))
    backend.plan = plan((AGENT, 5))
    assert (await caller.call(node.uri(), CALLER, Calling())).code == 486
    await backend.report()
    assert other.requests == []


async def test_a_full_trunk_leaves_the_call_to_the_next_and_frees_its_channels(
    own_node: MakeNode,
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    agent_port: int,
    carriers: Any,
) -> None:
    other = await carriers(code=480)
    await agents({AGENT: NeverAnswers(), SECOND_AGENT: Refuses(486)})
    node = started(own_node, trunk(agent_port, channels=1), trunk(other.port))
    for _ in range(2):
        other.requests.clear()
        backend.reports.clear()
        targets = ((AGENT, 1), (SECOND_AGENT, 1))
        backend.plan = plan_of(dial(*targets, at_once=True))
        result = await caller.call(node.uri(), CALLER, Calling())
        report = await backend.report()
        assert result.code == 480
        assert [leg["code"] for leg in report["legs"]] == [487, 480]
        assert [m.method for m in other.requests] == ["INVITE"]


async def test_a_trunk_that_answers_no_options_is_asked_last(
    own_node: MakeNode, backend: Backend, caller: Phone, carriers: Any
) -> None:
    away, there = await carriers(is_mute=True), await carriers()
    alive = {"keep_alive_seconds": 60}
    node = started(own_node, trunk(away.port, **alive), trunk(there.port, **alive))
    await until(lambda: "trunk_up=False" in node.log)
    away.requests.clear()
    backend.plan = plan((AGENT, 5))
    assert (await caller.call(node.uri(), CALLER, Calling())).code == 486
    await backend.report()
    assert [message.method for message in there.admitted] == ["OPTIONS", "INVITE"]
    assert not [message for message in away.requests if message.method == "INVITE"]


async def test_calls_beyond_a_numbers_own_cap_are_refused_and_others_taken(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 5))
    node = own_node(max_calls_per_number=1)
    node.start()
    first = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(cancel_after=0.8)))
    await until(lambda: bool(backend.arrivals))
    assert (await caller.call(node.uri(), CALLER, Calling())).code == 503
    other = await caller.call(node.uri("15550100102"), CALLER, Calling(cancel_after=0.1))
    assert (other.code, (await first).code) == (487, 487)
    again = await caller.call(node.uri(), CALLER, Calling(cancel_after=0.1))
    assert again.code == 487, "the first call is over"
    await until(lambda: len(backend.reports) == 3)
