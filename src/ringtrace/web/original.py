"""The original two paths: a number to forward to, and a report, for scenarios of the old kind."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

import msgspec

from ringtrace.domain.account import TokenKind, TokenOwner
from ringtrace.domain.call import MergeResult, Outcome, Recording, Report, failure
from ringtrace.domain.flow import is_phone
from ringtrace.domain.number import NumberInvalidError
from ringtrace.services.arrival import known_number
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    BodyInvalidError,
    FieldInvalidError,
    MethodNotAllowedError,
    NumberUnknownError,
    RefusedError,
    TokenUnknownError,
)
from ringtrace.services.record_call import RecordCall
from ringtrace.web.asgi import (
    Header,
    Receive,
    Scope,
    Send,
    decode,
    header,
    offered_token,
    read_body,
    respond,
    respond_error,
    respond_json,
)
from ringtrace.web.telephony import URL, ms

_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")
_KINDS = (TokenKind.ROUTE, TokenKind.VOXIMPLANT)
_MOST_SECONDS = 86_400


class OriginalReport(msgspec.Struct):
    """Everything may come as text, because forms know nothing else."""

    dialed_number: str | int
    date: str
    session: str | int | None = None
    ext: str | int | None = None
    token: str | None = None
    caller: str | int | None = None
    agent_number: str | int | None = None
    length: str | int | float | None = None
    record_url: str | None = None
    failure_code: str | int | None = None
    failure_reason: str | None = None


_json = msgspec.json.Decoder(OriginalReport)


class OriginalDoor:
    """`GET /api` and `POST /api/report`."""

    def __init__(self, directory: Directory, record_call: RecordCall) -> None:
        self._directory = directory
        self._record_call = record_call

    async def target(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """200 with the digits to dial; 404 or 401 with an empty body."""
        query = _query(scope)
        try:
            if scope["method"] != "GET":
                raise MethodNotAllowedError("GET is needed")
            dialled = query.get("dialed_number", "").strip()
            token = query.get("token") or offered_token(scope)
            digits = self._target(dialled, query.get("ext"), token)
        except (RefusedError, NumberInvalidError) as error:
            await respond(send, getattr(error, "status", NumberUnknownError.status))
            return
        await respond(send, 200, digits.encode(), [_TEXT])

    async def report(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] != "POST":
                raise MethodNotAllowedError("POST is needed")
            form = _form(scope, await read_body(receive))
            token = form.token or _query(scope).get("token") or offered_token(scope)
            owner = self._owner(token, str(form.dialed_number))
            result = await self._keep(TokenOwner(owner.account_id, TokenKind.VOXIMPLANT), form)
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond_json(send, {"result": result})

    async def _keep(self, owner: TokenOwner, form: OriginalReport) -> MergeResult:
        report = _report(form)
        # The key of a call without a session: number and date, however they were written.
        number = known_number(self._directory, owner.account_id, report.number)
        call = form.session or f"original-{number.number}-{report.started_at}".replace("+", "")
        try:
            return await self._record_call(owner, str(call), report)
        except FieldInvalidError as error:
            raise FieldInvalidError(error.message, _FIELDS.get(error.field, error.field)) from error

    def _target(self, dialled: str, ext: str | None, token: str | None) -> str:
        owner = self._owner(token, dialled)
        number = self._directory.number(owner.account_id, dialled)
        if number is None or not number.active:
            raise NumberUnknownError("no such tracking number", "dialed_number")
        said = number.extension(ext)
        targets = number.flow_of(said).targets
        phones = [target.to for target in targets if is_phone(target.to)]
        if not phones:
            raise NumberUnknownError("no target is a telephone number", "dialed_number")
        return phones[0].removeprefix("+")

    def _owner(self, token: str | None, dialled: str) -> TokenOwner:
        """The account the token names.

        Without a token the number itself names it, as the first scenarios had none; an account
        that has issued a route token has closed that way.
        """
        if token is not None:
            owner = self._directory.owner(token, *_KINDS)
            if owner is None:
                raise TokenUnknownError("no such token", "token")
            return owner
        number = self._directory.number_anywhere(dialled)
        if number is None:
            raise NumberUnknownError("no such tracking number", "dialed_number")
        if self._directory.has_token(number.account_id, TokenKind.ROUTE):
            raise TokenUnknownError("this account's token is needed", "token")
        return TokenOwner(number.account_id, TokenKind.ROUTE)


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def _form(scope: Scope, body: bytes) -> OriginalReport:
    if (header(scope, b"content-type") or "").startswith("application/x-www-form-urlencoded"):
        try:
            pairs = dict(parse_qsl(body.decode("utf-8"), strict_parsing=True))
            return msgspec.convert(pairs, OriginalReport)
        except msgspec.ValidationError as error:
            raise FieldInvalidError.read(str(error)) from error
        except ValueError as error:
            raise BodyInvalidError("the body is not a form", "body") from error
    return decode(_json, body)


_FIELDS: dict[str | None, str] = {"started_at": "date", "call": "session"}
"""What this contract calls the fields of a report."""


def _report(form: OriginalReport) -> Report:
    code = _failure_code(form.failure_code)
    talk = _seconds(form.length)
    failed = failure(code) if code is not None else None
    if failed is None and form.failure_reason:
        failed = failure(0)
    url = form.record_url or None
    if url is not None and not re.fullmatch(URL, url):
        raise FieldInvalidError("an http(s) URL is needed", "record_url")
    return Report(
        number=str(form.dialed_number),
        caller=str(form.caller) if form.caller else None,
        started_at=_moment(form.date),
        outcome=failed[0] if failed else Outcome.ANSWERED,
        reason=failed[1] if failed else None,
        code=code,
        target=_dialled_back(form.agent_number),
        ring_seconds=None,
        talk_seconds=0.0 if failed else talk,
        legs=(),
        recording=Recording(url, None, None) if url else None,
        session=str(form.session) if form.session else None,
        plan_source=None,
        digits=_keyed(form.ext),
    )


def _keyed(ext: str | int | None) -> str | None:
    """What is no row of digits was not keyed; the contract treats it as missing."""
    text = str(ext or "").strip()
    return text if re.fullmatch("[0-9]{1,20}", text) else None


def _dialled_back(agent: str | int | None) -> str | None:
    """The number the first path gave out lost its plus there."""
    text = str(agent or "")
    return f"+{text}" if text.isdigit() else text or None


def _failure_code(value: str | int | None) -> int | None:
    if value in (None, ""):
        return None
    text = str(value)
    if not re.fullmatch("[3-6][0-9][0-9]", text):
        raise FieldInvalidError("a final SIP code, 300 to 699, is needed", "failure_code")
    return int(text)


def _seconds(value: str | float | None) -> float | None:
    if value in (None, ""):
        return None
    try:
        seconds = float(str(value))
    except ValueError as error:
        raise FieldInvalidError("seconds are needed", "length") from error
    if not 0 <= seconds <= _MOST_SECONDS:
        raise FieldInvalidError("seconds of a call are needed", "length")
    return seconds


def _moment(text: str) -> int:
    """RFC 3339, or what `Date.toUTCString()` writes; without a zone it is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text.strip())
        except ValueError:
            continue
        return ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    raise FieldInvalidError("a date like 2026-11-23T06:30:00Z is needed", "date")
