"""Which call a page of the console is about."""

from typing import TypeAlias

from ringtrace.domain.call import GatewayKind
from ringtrace.services.errors import CallUnknownError
from ringtrace.web.console.session import AnyRequest, viewer

CallKey: TypeAlias = tuple[int, GatewayKind, str]
"""Account, gateway, and the gateway's id of the call."""


def call_key(request: AnyRequest, gateway: str, call: str) -> CallKey:
    """A call of whoever is signed in, there or not. Raises CallUnknownError: no such gateway."""
    if gateway not in GatewayKind.__members__.values():
        raise CallUnknownError("no such call")
    return viewer(request).account.account_id, GatewayKind(gateway), call
