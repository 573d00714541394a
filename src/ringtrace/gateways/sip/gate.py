"""Answers those who may not call, and forgets them at once."""

import time
from collections.abc import Callable
from typing import Any, Final

from sippy.SipHeader import SipHeader

from ringtrace.gateways.sip.admission import Admission, Admitted, Challenged
from ringtrace.gateways.sip.settings import NodeSettings

SOURCE_HEADER: Final = "ringtrace-source"
"""In it an edge tells from which address it has got the request."""

_CREDENTIALS: Final = "authorization"


class Gate:
    """Stands before everything that costs something. `transactions` is sippy's manager.

    `refused` is told each time, and why.
    """

    def __init__(
        self, settings: NodeSettings, transactions: Any, refused: Callable[[str], None]
    ) -> None:
        self._refused = refused
        self._admission = Admission(settings)
        self._transactions = transactions

    def turns_away(self, request: Any, transaction: Any) -> bool:
        """Whether the request was answered here, with 401 or 403."""
        verdict = self._admission.verdict(
            request.getSource()[0],
            request.getMethod(),
            forwarded=next(iter(_values(request, SOURCE_HEADER)), None),
            authorizations=_values(request, _CREDENTIALS),
            now=time.monotonic(),
        )
        # It was for us alone; the stack would read it too, and stumble over what is well-formed.
        request.delHFs(_CREDENTIALS)
        if isinstance(verdict, Admitted):
            return False
        _answer_the_source(request)
        if isinstance(verdict, Challenged):
            self._refused("challenged")
            response = request.genResponse(401, "Unauthorized")
            for header in verdict.headers:
                response.appendHeader(SipHeader(name="www-authenticate", bodys=header))
        else:
            self._refused("untrusted")
            response = request.genResponse(403, "Forbidden")
        self._answer_once(response, transaction)
        return True

    def _answer_once(self, response: Any, transaction: Any) -> None:
        """Without a transaction (RFC 3261 8.2.7): strangers shall not fill our memory.

        A request that was sent again is answered again; nothing is repeated of itself, so nobody
        is sent more than he has sent, and an ACK that follows finds nothing and is dropped.
        """
        recipient = response.getHFBody("to")
        if recipient.getTag() is None:
            recipient.genTag()
        to = response.getHFBody("via").getTAddr()
        self._transactions.transmitMsg(transaction.userv, response, to, None)
        if transaction.teE is not None:
            transaction.teE.cancel()
            transaction.teE = None


def _values(request: Any, name: str) -> list[str]:
    return [str(header.body).strip() for header in request.getHFs(name)]


def _answer_the_source(request: Any) -> None:
    """A stranger must not have us answer somebody else, whom his Via may name."""
    host, port = request.getSource()
    via = request.getHFBody("via")
    via.params["received"], via.params["rport"] = host, str(port)
