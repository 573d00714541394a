"""The signature, by the example of the specification, and what an answer means."""

from typing import cast

import pytest

from ringtrace.domain.notice import Delivery, DeliveryState, Event, Recipient, Secret
from ringtrace.domain.sending import Failure
from ringtrace.outbound.http import Answer, OutboundError, OutboundHttp, Request
from ringtrace.outbound.webhook import WebhookSender, signatures
from ringtrace.services.notice_records import Notice, Sent

AT = 1_795_419_000_000
"""23 November 2026, 07:30 UTC."""

NOTICE = Notice(
    Delivery(1, "id", "r", Event.TEST, AT, DeliveryState.PENDING, AT),
    Recipient(1, "https://example.com/hook"),
    None,
)


class Http:
    def __init__(self, answer: Answer | OutboundError) -> None:
        self.answer = answer
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Answer:
        self.sent.append(request)
        if isinstance(self.answer, OutboundError):
            raise self.answer
        return self.answer


async def sent(answer: Answer | OutboundError) -> Sent:
    http = Http(answer)
    return await WebhookSender(cast(OutboundHttp, http), lambda _: b"{}", lambda: AT)(NOTICE)


def test_the_example_of_standard_webhooks_is_signed_as_it_says() -> None:
    """https://github.com/standard-webhooks/standard-webhooks: its published test vector."""
    secret = Secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0)

    made = signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, {}, b"", is_whole=True), Sent(200)),
        (Answer(299, {}, b"", is_whole=False), Sent(299)),
        (Answer(302, {}, b"", is_whole=True), Sent(302, Failure.STATUS)),
        (Answer(400, {}, b"", is_whole=True), Sent(400, Failure.STATUS)),
        (Answer(410, {}, b"", is_whole=True), Sent(410, Failure.GONE)),
        (
            Answer(503, {"retry-after": "30"}, b"", is_whole=True),
            Sent(503, Failure.STATUS, retry_after=30),
        ),
        (
            Answer(429, {"retry-after": "Mon, 23 Nov 2026 07:31:00 GMT"}, b"", is_whole=True),
            Sent(429, Failure.STATUS, retry_after=60),
        ),
        (
            Answer(429, {"retry-after": "Mon, 23 Nov 2026 07:29:00 -0000"}, b"", is_whole=True),
            Sent(429, Failure.STATUS),
        ),
        (
            Answer(
                429,
                {"retry-after": "Mon, 23 Nov 99999999999999999999 07:29:00 GMT"},
                b"",
                is_whole=True,
            ),
            Sent(429, Failure.STATUS),
        ),
        (Answer(503, {"retry-after": "soon"}, b"", is_whole=True), Sent(503, Failure.STATUS)),
        (Answer(503, {"retry-after": "-5"}, b"", is_whole=True), Sent(503, Failure.STATUS)),
        (
            OutboundError(Failure.TIMED_OUT, "no answer within 15 s"),
            Sent(failure=Failure.TIMED_OUT, detail="no answer within 15 s"),
        ),
    ],
)
async def test_what_came_back_is_read(answer: Answer | OutboundError, expected: Sent) -> None:
    assert await sent(answer) == expected
