"""Requests of our own outside of calls: OPTIONS and REGISTER to a trunk."""

import logging
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from sippy.SipAddress import SipAddress
from sippy.SipCallId import SipCallId
from sippy.SipExpires import SipExpires
from sippy.SipFrom import SipFrom
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipRoute import SipRoute
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL

from ringtrace.gateways.sip.contact import our_contact
from ringtrace.gateways.sip.resolver import Resolver
from ringtrace.gateways.sip.trunk import Trunk

_log = logging.getLogger(__name__)
_CHALLENGES = {401: "www-authenticate", 407: "proxy-authenticate"}
_FINAL = 200


class Requester:
    """One series of requests (a Call-ID) to one trunk; answers its challenges. On the loop."""

    def __init__(self, config: dict[str, Any], resolver: Resolver, trunk: Trunk) -> None:
        self._config = config
        self._resolver = resolver
        self._trunk = trunk
        self._user = trunk.username or "ringtrace"
        self._call_id = SipCallId()
        self._tag = token_hex(8)
        self._sequence = 0

    def send(self, method: str, done: Callable[[Any], None], expires: int | None = None) -> None:
        """`done` gets the final response, `None` when there is no such host.

        That may take 32 s; the stack then makes a 408 of it. A REGISTER that does not say for how
        long (`expires`, in seconds; 0 signs off) changes nothing and only asks.
        """

        def resolved(ip: str | None) -> None:
            if ip is None:
                done(None)
            else:
                self._send(method, ip, done, expires, None)

        self._resolver.resolve(self._trunk.next_hop[0], resolved)

    def _send(
        self,
        method: str,
        ip: str,
        done: Callable[[Any], None],
        expires: int | None,
        challenge: Any,
    ) -> None:
        def answered(response: Any) -> None:
            code = response.getSCode()[0]
            if code < _FINAL:
                return
            found = self._challenge(response, code) if challenge is None else None
            if found is None:
                done(response)
            else:
                self._send(method, ip, done, expires, found)

        request = self._request(method, ip, expires)
        if challenge is not None:
            _, quality = challenge.supportedAlgorithm()
            credentials = challenge.genAuthHF(
                self._trunk.username, self._trunk.password, method, str(request.ruri), qop=quality
            )
            request.appendHeader(SipHeader(body=credentials))
        self._config["_sip_tm"].newTransaction(request, answered)

    def _request(self, method: str, ip: str, expires: int | None) -> Any:
        self._sequence += 1
        ours = SipURL(username=self._user, host=self._trunk.realm)
        sender = SipFrom(address=SipAddress(url=ours))
        sender.setTag(self._tag)
        return SipRequest(
            method=method,
            ruri=SipURL(host=self._trunk.realm),
            to=SipTo(address=SipAddress(url=ours.getCopy())),
            fr0m=sender,
            cseq=self._sequence,
            callid=self._call_id,
            # A REGISTER without Contact only asks who is registered (RFC 3261 10.2.3).
            contact=None if method == "REGISTER" and expires is None else self._contact(),
            routes=self._routes(),
            target=((ip, self._trunk.next_hop[1]), "udp"),
            expires=None if expires is None else SipExpires(number=expires),
        )

    def _contact(self) -> Any:
        """Where calls to us are to be sent: to the edge, where there is one."""
        contact = our_contact(self._user)
        if self._trunk.edge is not None:
            url = contact.getUrl()
            url.host, url.port = self._trunk.next_hop
        return contact

    def _routes(self) -> tuple[Any, ...]:
        """An edge has to be told the trunk's host: the request URI names its domain."""
        if self._trunk.edge is None:
            return ()
        host, port = self._trunk.address
        return (SipRoute(address=SipAddress(url=SipURL(host=host, port=port, lr=True))),)

    def _challenge(self, response: Any, code: int) -> Any:
        """One that we can answer, else `None`."""
        if code not in _CHALLENGES or self._trunk.username is None:
            return None
        for challenge in response.getHFBodys(_CHALLENGES[code]):
            if challenge.supportedAlgorithm()[0]:
                return challenge
        return None
