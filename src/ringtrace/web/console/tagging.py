"""Putting tags on a call, on its page, and taking them off."""

from dataclasses import dataclass
from urllib.parse import quote

from litestar import post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from ringtrace.web.console.call_key import call_key
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class TagForm:
    """One of the two."""

    add: str = ""
    remove: str = ""


@post("/calls/{gateway:str}/{call:str}/tags")
async def tag_call(
    uses: Uses,
    request: AnyRequest,
    gateway: FromPath[str],
    call: FromPath[str],
    data: URLEncodedBody[TagForm],
) -> Redirect:
    who = viewer(request)
    key = call_key(request, gateway, call)
    if data.remove:
        await uses.tag_call.take_off(*key, data.remove)
    else:
        await uses.tag_call(*key, data.add, who.login)
    return Redirect(f"/calls/{gateway}/{quote(call, safe='')}#tags", status_code=303)
