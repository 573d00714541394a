"""Gateways: when each was heard last."""

from dataclasses import dataclass
from datetime import datetime

from litestar import Request, Router, get
from litestar.datastructures import State

from ringtrace.domain.call import GatewayKind
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.errors import described
from ringtrace.web.times import utc
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """`last_heard` is when its newest request came, since the server was started."""

    gateway: GatewayKind
    last_heard: datetime


@dataclass(frozen=True, slots=True)
class GatewaysAnswer:
    gateways: list[GatewayAnswer]


@get("/gateways", summary="When each gateway was heard last", responses=described())
async def list_gateways(uses: Uses, request: Request[object, object, State]) -> GatewaysAnswer:
    """A SIP node speaks every 30 s; a Voximplant scenario only when somebody calls."""
    heard = uses.gateway_signs.last(account_id(request))
    return GatewaysAnswer([GatewayAnswer(kind, utc(at)) for kind, at in heard.items()])


router = Router("/", route_handlers=[list_gateways], tags=["Gateways"])
