"""Uploading and deleting sounds on the set-up page."""

from dataclasses import dataclass
from typing import Final

from litestar import post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, MultipartBody
from litestar.response import Redirect, Template

from ringtrace.services.errors import BodyInvalidError, FieldInvalidError, SoundInUseError
from ringtrace.services.sound_file import MOST_BYTES
from ringtrace.web.console.entry import Entry, refused_entry
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.console.setup_page import setup_page
from ringtrace.web.uses import Uses

_FORM_BYTES = 64 * 1024
"""What a form has around its file."""

_FORM: Final = "sound"


@dataclass(slots=True)
class SoundForm:
    file: UploadFile
    name: str = ""


@post("/setup/sounds", request_max_body_size=MOST_BYTES + _FORM_BYTES)
async def upload_sound(
    uses: Uses, request: AnyRequest, data: MultipartBody[SoundForm]
) -> Redirect | Template:
    """Under the file's own name, unless another is given."""
    who = viewer(request)
    name = data.name.strip() or data.file.filename
    try:
        await uses.keep_sound(who.account.account_id, name, await data.file.read(), who.login)
    except FieldInvalidError as error:
        return await setup_page(uses, request, entry=_entry(error, name, "name"))
    except BodyInvalidError as error:
        return await setup_page(uses, request, entry=_entry(error, data.name, "file"))
    return Redirect("/setup#sounds", status_code=303)


@post("/setup/sounds/{name:str}/delete")
async def delete_sound(uses: Uses, request: AnyRequest, name: FromPath[str]) -> Redirect | Template:
    try:
        await uses.keep_sound.drop(viewer(request).account.account_id, name)
    except SoundInUseError as error:
        return await setup_page(uses, request, entry=refused_entry("sounds", {}, error, ""))
    return Redirect("/setup#sounds", status_code=303)


def _entry(error: FieldInvalidError | BodyInvalidError, name: str, field: str) -> Entry:
    return refused_entry(_FORM, {"name": name}, error, field)
