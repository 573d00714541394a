"""The backend over HTTP: the requests of docs/gateways.md, blocking, each with a time-out."""

import base64
import logging
from collections.abc import Callable
from enum import Enum, auto

import httpx
import msgspec

from ringtrace.domain.plan import Plan
from ringtrace.gateways.sip.outgoing import OutgoingRecording
from ringtrace.gateways.sip.plans import PlanInvalidError, parse_plan

_log = logging.getLogger(__name__)
# One write of a recording, which may be 200 MB long. The backend answers when it is durable, and
# may have to send it on to another place first.
_UPLOAD_TIMEOUT = httpx.Timeout(30.0, read=300.0)
_SOUND_TIMEOUT = 10.0  # no call waits for it: without the sound its text is spoken
_SOUND_BYTES = 10 * 1024 * 1024


class NumberUnknownError(Exception):
    """The backend does not know the number: not our call."""


class BackendAwayError(Exception):
    """No plan: no connection, time-out, or an answer that is not a plan. Says which, no numbers."""


class Delivery(Enum):
    """What became of something sent."""

    TAKEN = auto()  # 2xx, or 409: it has another one already, sending again changes nothing
    NOT_OURS = auto()  # 404 number_unknown
    LATER = auto()  # refused for now; others may fare better
    AWAY = auto()  # nobody there; others will not fare better


class Arrival(msgspec.Struct, frozen=True):
    """Request 1 of docs/gateways.md."""

    call: str
    number: str
    caller: str | None
    started_at: str


class _Digits(msgspec.Struct, frozen=True):
    digits: str


class LegNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Request 5: a leg that is to ring a target, with `most_calls`; that is up; that is over."""

    leg: int
    target: str | None = None
    most_calls: int | None = None


class _Room(msgspec.Struct, frozen=True):
    free: bool


class _Error(msgspec.Struct, frozen=True):
    error_id: str = ""


class Backend:
    """Safe to call from several threads at once. `node` is told with every request."""

    def __init__(
        self,
        url: str,
        token: str,
        timeout: float,
        *,
        node: str,
        said: Callable[[str, str], None] = lambda _request, _result: None,
    ) -> None:
        """`said` hears how each request ended: ok, refused, or away (no answer)."""
        self._root = url.rstrip("/")
        self._calls = self._root + "/gateway/v1/calls"
        self._alive = self._root + "/gateway/v1/alive"
        self._said = said
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "User-Agent": f"ringtrace-sip ({node})"},
            timeout=timeout,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            trust_env=False,
        )

    def plan(self, arrival: Arrival) -> Plan:
        """Raises `NumberUnknownError` or `BackendAwayError`."""
        content = msgspec.json.encode(arrival)
        answer = self._ask(
            "plan", lambda: self._client.post(self._calls, content=content, headers=_json_type())
        )
        if answer.status_code == httpx.codes.NOT_FOUND and _error_id(answer) == "number_unknown":
            raise NumberUnknownError
        return _plan(answer)

    def plan_for_digits(self, call: str, digits: str, timeout: float) -> Plan:
        """The plan for a caller who keyed `digits`; raises `BackendAwayError`."""
        answer = self._ask(
            "digits",
            lambda: self._client.post(
                f"{self._calls}/{call}/digits",
                content=msgspec.json.encode(_Digits(digits)),
                headers=_json_type(),
                timeout=timeout,
            ),
        )
        return _plan(answer)

    def has_room(self, call: str, note: LegNote, timeout: float) -> bool:
        """Whether the leg may ring its target; raises `BackendAwayError`."""
        answer = self._ask(
            "leg",
            lambda: self._client.post(
                f"{self._calls}/{call}/legs",
                content=msgspec.json.encode(note),
                headers=_json_type(),
                timeout=timeout,
            ),
        )
        if answer.status_code != httpx.codes.OK:
            raise BackendAwayError(f"status_{answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=_Room).free
        except msgspec.MsgspecError as error:
            raise BackendAwayError(f"answer_invalid: {error}") from None

    def sound(self, link: str) -> bytes:
        """A sound file; raises `BackendAwayError`. `link` is path and query under its root."""
        content = bytearray()
        try:
            with self._client.stream("GET", self._root + link, timeout=_SOUND_TIMEOUT) as answer:
                self._said("sound", _result(answer))
                if answer.status_code != httpx.codes.OK:
                    raise BackendAwayError(f"status_{answer.status_code}")
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > _SOUND_BYTES:
                        raise BackendAwayError("too_large")
        except httpx.HTTPError as error:
            self._said("sound", "away")
            raise BackendAwayError(type(error).__name__) from None
        return bytes(content)

    def send_report(self, call: str, report: bytes) -> Delivery:
        return self._deliver(
            "report",
            lambda: self._client.post(
                f"{self._calls}/{call}/report", content=report, headers=_json_type()
            ),
        )

    def send_recording(self, call: str, recording: OutgoingRecording) -> Delivery:
        digest = base64.b64encode(bytes.fromhex(recording.sha256)).decode()
        with recording.path.open("rb") as content:
            return self._deliver(
                "recording",
                lambda: self._client.put(
                    f"{self._calls}/{call}/recording",
                    content=content,
                    headers={
                        "Content-Type": recording.format.media_type,
                        "Content-Digest": f"sha-256=:{digest}:",
                    },
                    timeout=_UPLOAD_TIMEOUT,
                ),
            )

    def say_alive(self) -> str:
        """ok, refused (the token, most likely), or away."""
        try:
            answer = self._ask("alive", lambda: self._client.get(self._alive))
        except BackendAwayError:
            return "away"
        return _result(answer)

    def close(self) -> None:
        self._client.close()

    def _ask(self, request: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Raises `BackendAwayError` without an answer."""
        try:
            answer = send()
        except httpx.HTTPError as error:
            self._said(request, "away")
            raise BackendAwayError(type(error).__name__) from None
        self._said(request, _result(answer))
        return answer

    def _deliver(self, request: str, send: Callable[[], httpx.Response]) -> Delivery:
        try:
            answer = self._ask(request, send)
        except BackendAwayError:
            return Delivery.AWAY
        if answer.status_code == httpx.codes.CONFLICT:
            _log.error("delivery_contradicts error_id=%s", _error_id(answer))
        if answer.is_success or answer.status_code == httpx.codes.CONFLICT:
            return Delivery.TAKEN
        if answer.status_code == httpx.codes.NOT_FOUND and _error_id(answer) == "number_unknown":
            return Delivery.NOT_OURS
        return Delivery.LATER


def _result(answer: httpx.Response) -> str:
    """An unknown number or call and a contradiction are answers like others."""
    fine = answer.is_success or answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.CONFLICT}
    return "ok" if fine else "refused"


def _plan(answer: httpx.Response) -> Plan:
    if answer.status_code != httpx.codes.OK:
        raise BackendAwayError(f"status_{answer.status_code}")
    try:
        return parse_plan(answer.content)
    except PlanInvalidError as error:
        raise BackendAwayError(f"plan_invalid: {error}") from None


def _json_type() -> dict[str, str]:
    return {"Content-Type": "application/json"}


def _error_id(answer: httpx.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=_Error).error_id
    except msgspec.MsgspecError:
        return ""
