"""`ringtrace engine --stdio`: the engine behind JSON lines, for a referee outside.

One event a line. `lease` and `call` are answered with a line, a bad line with {"error"} in its
place; the other events are not answered.
"""

from collections.abc import Iterable
from typing import Annotated, BinaryIO, Literal, TypeAlias

import msgspec

from ringtrace.domain.engine import Answer, Engine, UnknownNumberError

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Id: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]


class Init(msgspec.Struct, tag_field="ev", tag="init", frozen=True):
    numbers: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    channels: list[str]


class Lease(msgspec.Struct, tag_field="ev", tag="lease", frozen=True):
    t: Seconds
    visit: Id
    cookie: Id
    ch: str
    kw: Id
    dev: Literal[0, 1]


class Seen(msgspec.Struct, tag_field="ev", tag="seen", frozen=True):
    t: Seconds
    visit: Id


class Contact(msgspec.Struct, tag_field="ev", tag="contact", frozen=True):
    t: Seconds
    visit: Id


class Leave(msgspec.Struct, tag_field="ev", tag="leave", frozen=True):
    t: Seconds
    visit: Id


class Tap(msgspec.Struct, tag_field="ev", tag="tap", frozen=True):
    t: Seconds
    visit: Id


class Call(msgspec.Struct, tag_field="ev", tag="call", frozen=True):
    t: Seconds
    number: int
    caller: Annotated[int, msgspec.Meta(ge=-1, le=2**62)]


Event: TypeAlias = Init | Lease | Seen | Contact | Leave | Tap | Call


class _Number(msgspec.Struct, frozen=True):
    number: int


class _Error(msgspec.Struct, frozen=True):
    error: str


class NotBegunError(ValueError):
    """An event came before `init`."""


def run(stdin: Iterable[bytes], stdout: BinaryIO) -> None:
    """Answer the events of `stdin` until it ends. A second `init` begins anew."""
    decode = msgspec.json.Decoder(Event).decode
    encode = msgspec.json.Encoder().encode
    engine: Engine | None = None
    for line in stdin:
        answer: _Number | Answer | _Error | None
        try:
            event = decode(line)
            if isinstance(event, Init):
                engine = Engine(event.numbers, event.channels)
                continue
            answer = _answer(engine, event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            answer = _Error(str(error))
        except (NotBegunError, UnknownNumberError) as error:
            answer = _Error(str(error))
        if answer is not None:
            stdout.write(encode(answer) + b"\n")
            stdout.flush()


def _answer(
    engine: Engine | None, event: Lease | Seen | Contact | Leave | Tap | Call
) -> _Number | Answer | None:
    if engine is None:
        raise NotBegunError("ev: the first event must be init")
    match event:
        case Lease(t=t, visit=visit, cookie=cookie, ch=ch, kw=kw, dev=dev):
            return _Number(engine.lease(t, visit, cookie, ch, kw, dev))
        case Call(t=t, number=number, caller=caller):
            return engine.call(t, number, caller)
        case Seen(t=t, visit=visit):
            engine.seen(t, visit)
        case Contact(t=t, visit=visit):
            engine.contact(t, visit)
        case Leave(t=t, visit=visit):
            engine.leave(t, visit)
        case _:
            engine.tap(event.t, event.visit)
    return None
