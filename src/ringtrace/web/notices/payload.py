"""What a webhook is told (docs/notices.md)."""

from datetime import datetime
from typing import Any

import msgspec

from ringtrace.services.call_records import CallRecord
from ringtrace.services.notice_records import Notice
from ringtrace.services.use_cases import UseCases
from ringtrace.web.api import presenter
from ringtrace.web.api.call_answers import CallAnswer
from ringtrace.web.notices.links import Links
from ringtrace.web.times import utc


class Data(msgspec.Struct, frozen=True):
    """The call as the API shows it, with a link to its recording that works without a token."""

    call: CallAnswer | None
    console_url: str | None


class Payload(msgspec.Struct, frozen=True):
    """`id` is the same with every try and every replay."""

    id: str
    type: str
    timestamp: datetime
    account_id: int
    data: Data


def payload(uses: UseCases, links: Links, notice: Notice) -> bytes:
    delivery, call = notice.delivery, notice.call
    return msgspec.json.encode(
        Payload(
            id=delivery.delivery_id,
            type=delivery.event.value,
            timestamp=utc(delivery.occurred_at),
            account_id=delivery.account_id,
            data=Data(
                call=None if call is None else _call(uses, links, delivery.account_id, call),
                console_url=None if call is None else links.call(call),
            ),
        )
    )


def _call(uses: UseCases, links: Links, account_id: int, record: CallRecord) -> CallAnswer:
    answer = presenter.call(uses, account_id, record)
    if answer.recording is None:
        return answer
    link: Any = links.recording(account_id, record)
    return msgspec.structs.replace(
        answer, recording=msgspec.structs.replace(answer.recording, link=link)
    )
