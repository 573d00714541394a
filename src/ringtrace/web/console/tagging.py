"""Putting tags on a call, on its page, and taking them off."""

from dataclasses import dataclass
from urllib.parse import quote

from litestar import post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from ringtrace.services.errors import FieldInvalidError
from ringtrace.web.console.call_key import call_key
from ringtrace.web.console.call_page import call_page
from ringtrace.web.console.entry import refused_entry
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
) -> Redirect | Template:
    key = call_key(request, gateway, call)
    if data.remove:
        await uses.tag_call.take_off(*key, data.remove)
    else:
        try:
            await uses.tag_call(*key, data.add, viewer(request).login)
        except FieldInvalidError as error:
            entry = refused_entry("tag", {"add": data.add}, error, "add")
            return await call_page(uses, request, key, entry)
    return Redirect(f"/calls/{gateway}/{quote(call, safe='')}#tags", status_code=303)
