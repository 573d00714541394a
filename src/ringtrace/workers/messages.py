"""What a worker and its keeper say to each other, beside what the services do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from ringtrace.config import Settings
from ringtrace.services.figures import Family
from ringtrace.services.neighbours import (
    CallOver,
    ConfigurationChanged,
    Crew,
    LegOver,
    News,
    Ring,
    SignedIn,
    SignInTried,
    Sum,
)


class Hello(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A worker's first question, answered by its instructions."""


class Ready(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The worker answers requests."""


class Failed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The worker cannot start, for a reason that an operator can do something about."""

    reason: str


Asked: TypeAlias = (
    Ring
    | LegOver
    | CallOver
    | SignInTried
    | SignedIn
    | ConfigurationChanged
    | Hello
    | Ready
    | Failed
    | Sum
)
"""What a worker asks its keeper."""


class Reload(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The configuration is another one. Answered when it is read."""


class Measure(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answered by the worker's figures."""


class CrewNow(msgspec.Struct, frozen=True, tag=True, array_like=True):
    crew: Crew


Order: TypeAlias = Reload | Measure | CrewNow
"""What the keeper asks a worker."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """`number` counts the workers from 1; `with_node`: see to the token of the node beside."""

    number: int
    settings: Settings
    url: str
    seed: bytes
    with_node: bool


def _path(_: type, text: Any) -> Path:
    return Path(text)


encode: Final = msgspec.msgpack.Encoder(enc_hook=str).encode
asked: Final = msgspec.msgpack.Decoder(Asked)
order: Final = msgspec.msgpack.Decoder(Order)
news: Final = msgspec.msgpack.Decoder(list[News])
instructions: Final = msgspec.msgpack.Decoder(Instructions, dec_hook=_path)
figures: Final = msgspec.msgpack.Decoder(list[Family])
YES: Final = encode(True)
anything: Final = msgspec.msgpack.Decoder()
