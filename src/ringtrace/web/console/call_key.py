"""Which call a page of the console is about."""

from ringtrace.domain.call import GatewayKind
from ringtrace.services.errors import CallUnknownError
from ringtrace.web.console.session import AnyRequest, viewer


def call_key(request: AnyRequest, gateway: str, call: str) -> tuple[int, GatewayKind, str]:
    """A call of whoever is signed in, there or not. Raises CallUnknownError: no such gateway."""
    if gateway not in GatewayKind.__members__.values():
        raise CallUnknownError("no such call")
    return viewer(request).account.account_id, GatewayKind(gateway), call
