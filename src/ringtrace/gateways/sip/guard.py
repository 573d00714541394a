"""Keeps a mistake of ours in the call in which it happens."""

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ringtrace.gateways.sip.stack import error_place

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")


class Abortable(Protocol):
    @property
    def id(self) -> str: ...
    def abort(self) -> None: ...


_Self = TypeVar("_Self", bound=Abortable)


def guarded(
    method: Callable[Concatenate[_Self, _P], None],
) -> Callable[Concatenate[_Self, _P], None]:
    """An exception in `method` ends its call with 500 and a report, and no other call."""

    @functools.wraps(method)
    def run(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("call_broken call=%s error=%r", self.id, error_place(error))
            self.abort()

    return run
