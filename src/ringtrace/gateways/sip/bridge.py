"""Two answered legs: what one side says in the call reaches the other side."""

from collections.abc import Callable
from typing import Any

from sippy.CCEvents import CCEventConnect, CCEventFail, CCEventInfo, CCEventUpdate
from sippy.MsgBody import MsgBody

from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.session import Side

_REFUSED = (488, "Not Acceptable Here")
_PENDING = (491, "Request Pending")


class Bridge:
    """Relays re-INVITEs (hold, another codec, another address) and INFO (digits)."""

    def __init__(self, caller: tuple[Any, Side], agent: tuple[Any, Side]) -> None:
        """Each of them is its user agent and its media."""
        self._agents = {"caller": caller[0], "agent": agent[0]}
        self._media = {"caller": caller[1], "agent": agent[1]}
        self._offering: str | None = None

    def relay(self, source: str, event: Any) -> None:
        """Take an event of side `source`, "caller" or "agent"."""
        other = self._agents["agent" if source == "caller" else "caller"]
        if isinstance(event, CCEventInfo):
            other.recvEvent(event)
        elif isinstance(event, CCEventUpdate):
            self._offer(source, other, event)
        elif self._offering is None or self._offering == source:
            return
        elif isinstance(event, CCEventFail):
            self._offering = None
            other.recvEvent(event)
        elif isinstance(event, CCEventConnect):
            self._offering = None
            self._answer(source, other, event)

    def _offer(self, source: str, other: Any, event: Any) -> None:
        def offered(text: str) -> None:
            if not text:
                self._refuse(source)
                return
            other.recvEvent(CCEventUpdate(MsgBody(text)))

        if self._offering is not None:
            self._agents[source].recvEvent(CCEventFail(_PENDING))
            return
        self._offering = source
        self._take(self._media[source].offer, event.getData(), offered, source)

    def _answer(self, source: str, other: Any, event: Any) -> None:
        code, phrase, body = event.getData()

        def answered(text: str) -> None:
            if not text:
                other.recvEvent(CCEventFail(_REFUSED))
                return
            other.recvEvent(CCEventConnect((code, phrase, MsgBody(text))))

        offerer = "agent" if source == "caller" else "caller"
        self._take(self._media[source].answer, body, answered, offerer)

    def _take(
        self,
        step: Callable[[str, Callable[[str], None]], None],
        body: Any,
        done: Callable[[str], None],
        offerer: str,
    ) -> None:
        try:
            step("" if body is None else str(body), done)
        except SdpError:
            self._refuse(offerer)

    def _refuse(self, offerer: str) -> None:
        self._offering = None
        self._agents[offerer].recvEvent(CCEventFail(_REFUSED))
