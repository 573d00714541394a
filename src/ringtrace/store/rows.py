"""How values lie in columns, and back: the same in every store."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from ringtrace.domain.attribution import Candidate
from ringtrace.domain.call import Report
from ringtrace.domain.extension import Extension
from ringtrace.domain.flow import Flow
from ringtrace.domain.leasing import Lease
from ringtrace.domain.model import Model
from ringtrace.domain.notice import Event, Secret, Try
from ringtrace.domain.screening import SpamRules
from ringtrace.domain.source import ClickId, Source, Why
from ringtrace.domain.visit import Device, Visit


class Row(Protocol):
    """What a database's driver answers: values in the order in which they were asked for."""

    def __getitem__(self, place: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


encode = msgspec.json.Encoder().encode
_report = msgspec.json.Decoder(Report)
_flow = msgspec.json.Decoder(Flow)
_source = msgspec.json.Decoder(Source)
_texts = msgspec.json.Decoder(tuple[str, ...])
_spam_rules = msgspec.json.Decoder(SpamRules)
_extensions = msgspec.json.Decoder(tuple[Extension, ...])
_events = msgspec.json.Decoder(tuple[Event, ...])
_secrets = msgspec.json.Decoder(tuple[Secret, ...])
_tries = msgspec.json.Decoder(tuple[Try, ...])


def text(value: object) -> str:
    return encode(value).decode()


def report(value: str) -> Report:
    return _report.decode(value)


def flow(value: str) -> Flow:
    return _flow.decode(value)


def source(value: str) -> Source:
    return _source.decode(value)


def model(value: str) -> Model:
    return Model.of_data(msgspec.json.decode(value))


def texts(value: str) -> tuple[str, ...]:
    return _texts.decode(value)


def extensions(value: str) -> tuple[Extension, ...]:
    return _extensions.decode(value)


def events(value: str) -> tuple[Event, ...]:
    return _events.decode(value)


def secrets(value: str) -> tuple[Secret, ...]:
    return _secrets.decode(value)


def tries(value: str) -> tuple[Try, ...]:
    return _tries.decode(value)


def spam_rules(value: str) -> SpamRules:
    return _spam_rules.decode(value)


VISIT_COLUMNS = (
    "account_id, visit_id, visitor_id, site_key, started_at, seen_at, device, channel, source,"
    " medium, campaign, term, content, click_id_type, click_id, landing_page, reason, number,"
    " extension"
)


def visit_row(account_id: int, visit: Visit, lease: Lease) -> tuple[object, ...]:
    said = visit.source
    click = said.click_id
    return (
        account_id, visit.visit_id, visit.visitor_id, visit.site_key, visit.started_at,
        visit.started_at, visit.device.value, str(said.channel), said.source, said.medium,
        said.campaign, said.term, said.content, click and click.type, click and click.value,
        said.landing_page, said.reason and said.reason.value, lease.number,
        lease.extension,
    )  # fmt: skip


CANDIDATE_COLUMNS = (
    "v.visit_id, v.seen_at, v.left_at, v.tapped_at, v.channel, v.source, v.medium, v.campaign,"
    " v.term, v.content, v.click_id_type, v.click_id, v.landing_page, v.reason"
)


def candidate(
    shown_at: int,
    row: tuple[object, ...],
    visitor_id: str = "",
    device: Device = Device.DESKTOP,
    contact_at: int | None = None,
    called: float = 0.0,
) -> Candidate:
    """From CANDIDATE_COLUMNS. A busy number has thousands of them: each is made at once."""
    (visit_id, seen_at, left_at, tapped_at, channel, name, medium, campaign, term, content,
     click_type, click, landing_page, reason) = row  # fmt: skip
    said = Source(
        channel=str(channel),
        source=_optional(name),
        medium=_optional(medium),
        campaign=_optional(campaign),
        term=_optional(term),
        content=_optional(content),
        click_id=ClickId(str(click_type), str(click)) if click_type else None,
        landing_page=_optional(landing_page),
        reason=Why(str(reason)) if reason else None,
    )
    assert isinstance(seen_at, int)  # noqa: S101 - narrows a column the schema declares
    assert left_at is None or isinstance(left_at, int)  # noqa: S101 - as above
    assert tapped_at is None or isinstance(tapped_at, int)  # noqa: S101 - as above
    return Candidate(
        str(visit_id), shown_at, seen_at, left_at, tapped_at, said, visitor_id, device, contact_at,
        called,
    )  # fmt: skip


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
