"""Notices to webhooks, signed as Standard Webhooks 1.0 says (standardwebhooks.com).

Anybody who has the secret can tell that a request is ours, whole and new; libraries that verify it
exist for most languages.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ringtrace.domain.notice import Secret
from ringtrace.domain.sending import Failure
from ringtrace.outbound.http import Answer, OutboundError, OutboundHttp, Request
from ringtrace.services.notice_records import Notice, Sent
from ringtrace.services.ports import Clock

SECONDS: Final = 15.0
"""For name, connection, redirects and answer together."""

_MOST_BYTES: Final = 16_384
_GONE: Final = 410


class WebhookSender:
    """`body` makes the JSON of a notice."""

    def __init__(self, http: OutboundHttp, body: Callable[[Notice], bytes], clock: Clock) -> None:
        self._http = http
        self._body = body
        self._clock = clock

    async def __call__(self, notice: Notice) -> Sent:
        body, at = self._body(notice), self._clock()
        delivery_id = notice.delivery.delivery_id
        headers = {
            "content-type": "application/json",
            "user-agent": "Ringtrace-Webhooks",
            "webhook-id": delivery_id,
            "webhook-timestamp": str(at // 1_000),
        }
        secrets = notice.recipient.signing(at)
        if secrets:
            headers["webhook-signature"] = signatures(secrets, delivery_id, at // 1_000, body)
        request = Request(
            "POST",
            notice.recipient.address,
            headers=headers,
            body=body,
            seconds=SECONDS,
            most_bytes=_MOST_BYTES,
        )
        try:
            return _sent(await self._http.send(request), at)
        except OutboundError as error:
            return Sent(failure=error.failure, detail=error.detail)


def signatures(secrets: Sequence[Secret], delivery_id: str, seconds: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature of each secret, the newest first."""
    signed = f"{delivery_id}.{seconds}.".encode() + body
    digests = [
        hmac.digest(base64.b64decode(secret.key), signed, hashlib.sha256) for secret in secrets
    ]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _sent(answer: Answer, at: int) -> Sent:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
        return Sent(answer.status)
    failure = Failure.GONE if answer.status == _GONE else Failure.STATUS
    retry_after = _retry_after(answer.headers.get("retry-after", ""), at)
    return Sent(answer.status, failure, retry_after=retry_after)


def _retry_after(text: str, at: int) -> float:
    """Seconds from `at` (ms since 1970 UTC), of a number or a date (RFC 9110 10.2.3); 0 of none."""
    if text.isdecimal() and text.isascii():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.fromtimestamp(at / 1_000, UTC)).total_seconds())
