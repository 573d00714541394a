"""The sounds of an account as the set-up page lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringtrace.web.console import wording
from ringtrace.web.console.session import Viewer
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class SoundView:
    name: str
    length: str
    at: datetime
    flows: str
    link: str


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
