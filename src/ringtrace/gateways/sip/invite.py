"""What an INVITE says: who calls, which number, with which media."""

import re
from dataclasses import dataclass
from typing import Any

_SEPARATORS = str.maketrans("", "", "-.() ")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_SESSION_MAX = 256  # what the backend takes
_NEEDED = ("from", "to", "call-id", "cseq", "via", "contact")
_ONCE = ("from", "to", "call-id", "cseq")  # else nobody can say which call is meant


@dataclass(frozen=True)
class Invite:
    """`number` is `None` when the user part is not a phone number; `caller` when withheld."""

    session: str
    number: str | None
    caller: str | None
    offer: str
    max_forwards: int


class InviteError(ValueError):
    """Not a call: `code` and `phrase` are the SIP answer, with the `unsupported` extensions."""

    def __init__(self, code: int, phrase: str, unsupported: str = "") -> None:
        super().__init__(phrase)
        self.code = code
        self.phrase = phrase
        self.unsupported = unsupported


def read_invite(request: Any, accounts: frozenset[str] = frozenset()) -> Invite:
    """Read sippy's request; raises `InviteError`.

    A trunk where we are registered may call the account by its name; To then says the number.
    """
    try:
        for name in _NEEDED:
            request.getHFBody(name)
        caller = _caller(request)
        hops = [h.getNum() for h in request.getHFBodys("max-forwards")]
    except Exception as error:
        # sippy's parsers raise whatever the malformed text led them to.
        raise InviteError(400, "Bad Request") from error
    if any(request.countHFs(name) > 1 for name in _ONCE):
        raise InviteError(400, "Bad Request")
    required = ", ".join(str(header) for header in request.getHFBodys("require"))
    if required:
        raise InviteError(420, "Bad Extension", required)
    max_forwards = hops[0] if hops else 70
    if max_forwards <= 0:
        raise InviteError(483, "Too Many Hops")
    return Invite(
        session=str(request.getHFBody("call-id"))[:_SESSION_MAX],
        number=_dialled(request, accounts),
        caller=caller,
        offer=_offer(request.getBody()),
        max_forwards=max_forwards - 1,
    )


def _dialled(request: Any, accounts: frozenset[str]) -> str | None:
    user = request.getRURI().username
    if user in accounts:
        user = request.getHFBody("to").getUrl().username
    return _number(user)


def _offer(body: Any) -> str:
    if body is None:
        raise InviteError(488, "Offer Required")
    if body.getType() != "application/sdp":
        raise InviteError(415, "Unsupported Media Type")
    return str(body)


def _caller(request: Any) -> str | None:
    privacy = " ".join(str(header) for header in request.getHFBodys("privacy")).lower()
    if re.search(r"\b(id|user|full)\b", privacy):
        return None
    asserted = request.getHFBodys("p-asserted-identity")
    identity = asserted[0] if asserted else request.getHFBody("from")
    return _number(identity.getUrl().username)


def _number(user: str | None) -> str | None:
    number = (user or "").translate(_SEPARATORS)
    return number if _NUMBER.fullmatch(number) else None
