"""Sounds on the set-up page: what there are, and uploading and deleting them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from litestar import post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, MultipartBody
from litestar.response import Redirect

from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.sound_file import MOST_BYTES
from ringtrace.web.console import wording
from ringtrace.web.console.session import AnyRequest, Viewer, viewer
from ringtrace.web.uses import Uses

_FORM_BYTES = 64 * 1024
"""What a form has around its file."""


@dataclass(frozen=True, slots=True)
class SoundView:
    name: str
    length: str
    at: datetime
    flows: str
    link: str


@dataclass(slots=True)
class SoundForm:
    file: UploadFile
    name: str = ""


def sound_views(uses: Uses, who: Viewer) -> Sequence[SoundView]:
    account_id = who.account.account_id
    return [
        SoundView(
            name=one.name,
            length=wording.length(one.seconds),
            at=wording.moment(one.made_at, who.zone),
            flows=", ".join(uses.keep_sound.users(account_id, one.name)),
            link=uses.sound_links.path(account_id, one.digest),
        )
        for one in uses.directory.sounds_of(account_id)
    ]


@post("/setup/sounds", request_max_body_size=MOST_BYTES + _FORM_BYTES)
async def upload_sound(uses: Uses, request: AnyRequest, data: MultipartBody[SoundForm]) -> Redirect:
    """Under the file's own name, unless another is given."""
    who = viewer(request)
    name = data.name.strip() or data.file.filename
    if not name:
        raise FieldInvalidError("a file is needed", "file")
    await uses.keep_sound(who.account.account_id, name, await data.file.read(), who.login)
    return Redirect("/setup#sounds", status_code=303)


@post("/setup/sounds/{name:str}/delete")
async def delete_sound(uses: Uses, request: AnyRequest, name: FromPath[str]) -> Redirect:
    await uses.keep_sound.drop(viewer(request).account.account_id, name)
    return Redirect("/setup#sounds", status_code=303)
