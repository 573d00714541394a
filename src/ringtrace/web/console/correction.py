"""Saying on a call's page whose call it was, and taking that back."""

from dataclasses import dataclass
from urllib.parse import quote

from litestar import post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from ringtrace.services.errors import FieldInvalidError
from ringtrace.web.console.call_key import call_key
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses

NONE = "none"
"""What the form calls none of the visits."""


@dataclass(frozen=True, slots=True)
class CorrectionForm:
    visit: str = ""
    undo: str = ""


@post("/calls/{gateway:str}/{call:str}/correction")
async def correct_call(
    uses: Uses,
    request: AnyRequest,
    gateway: FromPath[str],
    call: FromPath[str],
    data: URLEncodedBody[CorrectionForm],
) -> Redirect:
    who = viewer(request)
    key = call_key(request, gateway, call)
    if data.undo:
        await uses.correct_call.take_back(*key)
    elif not data.visit:
        raise FieldInvalidError("a visit is needed", "visit")
    else:
        visit = None if data.visit == NONE else data.visit
        await uses.correct_call(*key, visit, who.login)
    return Redirect(f"/calls/{gateway}/{quote(call, safe='')}#why", status_code=303)
