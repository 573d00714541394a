"""The outbound HTTP client against real servers on this machine."""

import asyncio
import ssl
from collections.abc import Sequence

import pytest
import trustme

from ringtrace.domain.sending import Failure
from ringtrace.outbound.addresses import read_network
from ringtrace.outbound.http import OutboundError, OutboundHttp, Request
from tests.receiver import Receiver, Reply, receiver

HERE = [read_network("127.0.0.1")]
"""127.0.0.2 and the others of this machine stay refused."""


class Names:
    """A name server that tells each answer once, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def failure(client: OutboundHttp, request: Request) -> Failure:
    with pytest.raises(OutboundError) as caught:
        await client.send(request)
    return caught.value.failure


def url_of(one: Receiver, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{one.port}/hook"


async def test_a_request_arrives_whole_and_its_answer_comes_back() -> None:
    async with receiver() as one:
        one.answer = lambda _: Reply(202, {"x-note": "kept"}, b"thanks")

        answer = await OutboundHttp(HERE).send(
            Request("POST", url_of(one) + "?a=b", {"x-one": "1"}, b"body")
        )

    (came,) = one.received
    assert (answer.status, answer.body, answer.is_whole) == (202, b"thanks", True)
    assert answer.headers["x-note"] == "kept"
    assert (came.method, came.target, came.body) == ("POST", "/hook?a=b", b"body")
    assert (came.headers["host"], came.headers["x-one"]) == (f"127.0.0.1:{one.port}", "1")
    assert "cookie" not in came.headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:7f00:1]"]
)
async def test_an_inner_address_is_refused_however_it_is_written(host: str) -> None:
    async with receiver() as one:
        refused = await failure(OutboundHttp(), Request("POST", url_of(one, host)))

    assert refused is Failure.ADDRESS_REFUSED
    assert one.connections == 0


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_to_an_inner_address_is_refused(status: int) -> None:
    async with receiver() as one, receiver("127.0.0.2") as inner:
        one.answer = lambda _: Reply(status, {"location": url_of(inner, "127.0.0.2")})

        refused = await failure(OutboundHttp(HERE), Request("POST", url_of(one)))

    assert refused is Failure.ADDRESS_REFUSED
    assert (one.connections, inner.connections) == (1, 0)


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name server that answers otherwise the second time leads nowhere else."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiver() as one, receiver("127.0.0.2") as inner:
        answer = await OutboundHttp(HERE, resolver=names).send(
            Request("GET", url_of(one, "rebinding.example"))
        )

    assert answer.status == 200
    assert (names.asked, inner.connections) == (1, 0)
    assert one.received[0].headers["host"] == f"rebinding.example:{one.port}"


async def test_of_several_answers_only_those_that_pass_are_tried() -> None:
    names = Names(["10.0.0.1", "169.254.169.254", "127.0.0.1"])
    async with receiver() as one:
        answer = await OutboundHttp(HERE, resolver=names).send(
            Request("GET", url_of(one, "mixed.example"))
        )

    assert answer.status == 200


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    names = Names(["127.0.0.3", "127.0.0.1"])
    async with receiver() as one:
        client = OutboundHttp([read_network("127.0.0.0/8")], resolver=names)
        answer = await client.send(Request("GET", url_of(one, "two.example")))

    assert answer.status == 200


async def test_credentials_stay_with_their_own_host() -> None:
    async with receiver() as one, receiver() as other:
        one.answer = lambda _: Reply(307, {"location": url_of(other)})
        sent = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Kept": "yes"}

        await OutboundHttp(HERE).send(Request("POST", url_of(one), sent, b"body"))

    assert one.received[0].headers["authorization"] == "Bearer secret"
    assert other.received[0].body == b"body"
    assert other.received[0].headers["x-kept"] == "yes"
    assert not {"authorization", "cookie"} & other.received[0].headers.keys()


async def test_a_post_is_not_sent_on_by_a_redirect_that_would_make_it_a_get() -> None:
    async with receiver() as one:
        one.answer = lambda _: Reply(302, {"location": "/elsewhere"})

        answer = await OutboundHttp(HERE).send(Request("POST", url_of(one)))

    assert (answer.status, one.connections) == (302, 1)


async def test_redirects_end() -> None:
    async with receiver() as one:
        one.answer = lambda _: Reply(308, {"location": "/hook"})

        refused = await failure(OutboundHttp(HERE), Request("POST", url_of(one), redirects=3))

    assert (refused, one.connections) == (Failure.TOO_MANY_REDIRECTS, 4)


async def test_an_answer_is_read_up_to_its_limit() -> None:
    async with receiver() as one:
        one.answer = lambda _: Reply(200, {}, b"x" * 100_000)

        answer = await OutboundHttp(HERE).send(Request("GET", url_of(one), most_bytes=1_000))

    assert (len(answer.body), answer.is_whole) == (1_000, False)


async def test_the_time_is_for_all_of_it() -> None:
    async def never(_: object) -> Reply:
        await asyncio.sleep(60)
        return Reply()

    async with receiver() as one:
        one.answer = never

        assert await failure(OutboundHttp(HERE), Request("GET", url_of(one), seconds=0.2)) is (
            Failure.TIMED_OUT
        )


async def test_nobody_there_an_unknown_name_and_a_broken_answer_are_told_apart() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    async with receiver() as one:
        url = url_of(one)
        one.answer = lambda _: Reply(200, {"content-length": "nonsense"})
        broken = await failure(OutboundHttp(HERE), Request("GET", url))
    gone = await failure(OutboundHttp(HERE), Request("GET", url))
    nameless = await failure(OutboundHttp(HERE, resolver=unknown), Request("GET", url))
    no_url = await failure(OutboundHttp(HERE), Request("GET", "https://a@b/"))

    assert (broken, gone) == (Failure.BROKEN_OFF, Failure.NOT_CONNECTED)
    assert (nameless, no_url) == (Failure.NAME_UNKNOWN, Failure.URL_INVALID)


async def test_a_certificate_must_be_the_hosts() -> None:
    authority = trustme.CA()
    served, trusting = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("right.example").configure_cert(served)
    authority.configure_trust(trusting)
    async with receiver(context=served) as one:
        client = OutboundHttp(HERE, trusting, Names(["127.0.0.1"]))
        answer = await client.send(Request("GET", f"https://right.example:{one.port}/"))
        wrong = await failure(client, Request("GET", f"https://wrong.example:{one.port}/"))
        strange = await failure(
            OutboundHttp(HERE, resolver=Names(["127.0.0.1"])),
            Request("GET", f"https://right.example:{one.port}/"),
        )

        one.answer = lambda _: Reply(307, {"location": f"http://right.example:{one.port}/"})
        plain = await failure(client, Request("GET", f"https://right.example:{one.port}/"))

    assert answer.status == 200
    assert (wrong, strange) == (Failure.TLS_FAILED, Failure.TLS_FAILED)
    assert plain is Failure.URL_INVALID
