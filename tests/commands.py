"""Commands over a store, as processes of their own that may be killed."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from ringtrace.config import DATABASE_URL, Settings
from ringtrace.store.lake.place import LakeInUseError

_DEADLINE: Final = 60.0
_AGAIN_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Command:
    process: asyncio.subprocess.Process

    @property
    def runs(self) -> bool:
        return self.process.returncode is None

    async def kill(self) -> None:
        self.process.kill()
        await self.process.communicate()

    async def ended(self) -> tuple[int | None, str, str]:
        """Its exit, and what it said to programs and to people."""
        out, said = await asyncio.wait_for(self.process.communicate(), _DEADLINE)
        return self.process.returncode, out.decode(), said.decode()


async def started(settings: Settings, *words: str) -> Command:
    environment = os.environ | {DATABASE_URL: settings.database_url or ""}
    return Command(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringtrace", *words, "--data", str(settings.data)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
        )
    )  # fmt: skip


async def told(settings: Settings, *words: str) -> dict[str, Any]:
    """What a command says that does what it is to do; it is asked again while the lake is in use.

    A server seals for itself a minute after its start.
    """
    deadline = time.monotonic() + _DEADLINE
    while True:
        status, out, said = await (await started(settings, *words)).ended()
        if status == 0:
            answer: dict[str, Any] = json.loads(out)
            return answer
        assert str(LakeInUseError()) in said, said
        assert time.monotonic() < deadline
        await asyncio.sleep(_AGAIN_SECONDS)
