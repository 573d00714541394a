"""Sounds that flows play."""

from litestar import Request, Router, delete, get, put
from litestar.datastructures import State
from litestar.params import FromPath

from ringtrace.services.sound_file import MOST_BYTES
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.errors import described
from ringtrace.web.api.setup_answers import SoundAnswer, SoundsAnswer
from ringtrace.web.times import utc
from ringtrace.web.uses import Uses


@get("/sounds", summary="The sounds that flows can play", responses=described())
async def list_sounds(uses: Uses, request: Request[object, object, State]) -> SoundsAnswer:
    """In alphabetical order, each with a link to listen to it."""
    return _sounds(uses, account_id(request))


@put(
    "/sounds/{name:str}",
    summary="Upload a sound",
    responses=described(413),
    request_max_body_size=MOST_BYTES,
)
async def put_sound(
    uses: Uses, request: Request[object, object, State], name: FromPath[str]
) -> SoundsAnswer:
    """The body is the file: WAV or MP3, at most two minutes. It replaces the sound of that name."""
    account = account_id(request)
    await uses.keep_sound(account, name, await request.body(), None)
    return _sounds(uses, account)


@delete(
    "/sounds/{name:str}",
    summary="Delete a sound",
    status_code=200,
    responses=described(404, 409),
)
async def drop_sound(
    uses: Uses, request: Request[object, object, State], name: FromPath[str]
) -> SoundsAnswer:
    """Refused while a flow plays it."""
    account = account_id(request)
    await uses.keep_sound.drop(account, name)
    return _sounds(uses, account)


def _sounds(uses: Uses, account: int) -> SoundsAnswer:
    return SoundsAnswer(
        [
            SoundAnswer(
                name=one.name,
                seconds=one.seconds,
                made_at=utc(one.made_at),
                made_by=one.made_by,
                flows=uses.keep_sound.users(account, one.name),
                link=uses.sound_links.path(account, one.digest),
            )
            for one in uses.directory.sounds_of(account)
        ]
    )


router = Router("/", route_handlers=[list_sounds, put_sound, drop_sound], tags=["Set-up"])
