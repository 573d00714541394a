"""Prompts become sounds: files of the node or the backend, texts that a command speaks, else tones.

prompts/HASH.wav    in the spool: a text as it was spoken once, 8 kHz, 16 bit, mono, or a file as
                    the backend has it
"""

import hashlib
import logging
import subprocess
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from ringtrace.domain.prompt import Prompt
from ringtrace.gateways.sip.backend import BackendAwayError
from ringtrace.gateways.sip.durable import TEMPORARY
from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.tones import Sound, spoken
from ringtrace.gateways.sip.wav import SoundFileError, read_wav, write_wav

_Kept = TypeVar("_Kept")
_log = logging.getLogger(__name__)

PATIENCE: Final = 1.5
"""So many seconds a call waits for a text to be spoken."""

_COMMAND_SECONDS: Final = 10.0
_THREADS: Final = 4
_QUEUE: Final = 64  # texts that wait to be spoken; more than that, and tones must do
_IN_MEMORY: Final = 256
_ON_DISK: Final = 5_000
_AFTER_FAILURE: Final = 60.0  # seconds until the same text is tried again


class Speech:
    """Answers on the loop, once for each question.

    `command` is an argument list with {text}, {language} and {file}, the WAV file it is to write.
    `fetch` gets a file from the backend by its link, or raises `BackendAwayError`.
    """

    def __init__(
        self,
        loop: Loop,
        cache: Path,
        *,
        command: Sequence[str],
        folder: Path | None,
        fetch: Callable[[str], bytes],
    ) -> None:
        self._loop = loop
        self._cache = cache
        self._command = tuple(command)
        self._folder = folder
        self._fetch = fetch
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="speech")
        self._ready: OrderedDict[Prompt, Sound] = OrderedDict()
        self._under_way: dict[Prompt, Future[Sound | None]] = {}
        self._failed: OrderedDict[Prompt, float] = OrderedDict()
        self._lock = threading.Lock()
        cache.mkdir(mode=0o700, exist_ok=True)

    def prepare(self, prompt: Prompt) -> None:
        """Begin to find its sound."""
        with self._lock:
            if prompt not in self._ready:
                self._begin(prompt)

    def find(self, prompt: Prompt, done: Callable[[Sound | None], None]) -> None:
        """`done` gets its sound, at once or within `PATIENCE`; `None`: tones must do."""
        with self._lock:
            sound = self._ready.get(prompt)
            future = None if sound is not None else self._begin(prompt)
        if sound is not None or future is None:
            done(sound)
            return
        waiting = [done]

        def answer(found: Sound | None) -> None:
            if waiting:
                timer.cancel()
                waiting.pop()(found)

        timer = self._loop.after(PATIENCE, lambda: answer(None))
        future.add_done_callback(lambda ended: self._loop.post(lambda: answer(_result(ended))))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, prompt: Prompt) -> "Future[Sound | None] | None":
        """Called with the lock held."""
        future = self._under_way.get(prompt)
        can_be = prompt.file is not None or bool(self._command)
        has_failed = time.monotonic() < self._failed.get(prompt, 0.0)
        if future is not None or not can_be or has_failed or len(self._under_way) >= _QUEUE:
            return future
        future = self._under_way[prompt] = self._threads.submit(self._make, prompt)
        return future

    def _make(self, prompt: Prompt) -> Sound | None:
        sound = None
        try:
            sound = self._read(prompt) or self._speak(prompt)
        except (OSError, SoundFileError) as error:
            _log.error("prompt_not_made error=%s", error)
        finally:
            with self._lock:
                self._under_way.pop(prompt, None)
                if sound is None:
                    _keep(self._failed, prompt, time.monotonic() + _AFTER_FAILURE)
                else:
                    _keep(self._ready, prompt, sound)
        return sound

    def _read(self, prompt: Prompt) -> Sound | None:
        """The node's own file comes first."""
        if prompt.file is None:
            return None
        own = None if self._folder is None else self._folder / prompt.file
        if own is not None and (own.exists() or prompt.link is None):
            sound = _readable(own)
            if sound is not None:
                return sound
        if prompt.link is not None:
            return self._uploaded(prompt.link)
        if own is None:
            _log.error("prompt_dir_missing file=%s", prompt.file)
        return None

    def _uploaded(self, link: str) -> Sound | None:
        """Its path names the content, so what was fetched once stays right."""
        kept = self._kept(link.partition("?")[0])
        sound = _taken(kept)
        if sound is not None:
            return sound
        try:
            content = self._fetch(link)
        except BackendAwayError as error:
            _log.warning("sound_not_fetched error=%s", error)
            return None
        with tempfile.NamedTemporaryFile(dir=self._cache, delete=False) as part:
            part.write(content)
        Path(part.name).replace(kept)
        self._prune()
        return _readable(kept)

    def _kept(self, key: str) -> Path:
        return self._cache / f"{hashlib.sha256(key.encode()).hexdigest()}.wav"

    def _speak(self, prompt: Prompt) -> Sound | None:
        text = " ".join(prompt.text.split()).lstrip("-")
        if not text or not self._command:
            return None
        kept = self._kept("\0".join((*self._command, prompt.language, text)))
        sound = _taken(kept)
        if sound is not None:
            return sound
        with tempfile.TemporaryDirectory(dir=self._cache) as folder:
            said = Path(folder) / "said.wav"
            if not self._run(text, prompt.language, said):
                return None
            samples = read_wav(said)
        part = kept.with_name(kept.name + TEMPORARY)
        write_wav(part, samples)
        part.replace(kept)
        self._prune()
        return spoken(samples)

    def _run(self, text: str, language: str, file: Path) -> bool:
        values = {"{text}": text, "{language}": language, "{file}": str(file)}
        arguments = [_filled(argument, values) for argument in self._command]
        try:
            subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_COMMAND_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            # The error's text would hold the prompt, which may speak of a visitor.
            _log.error("tts_failed error=%s", type(error).__name__)
            return False
        return True

    def _prune(self) -> None:
        """Whispers differ from call to call, so the folder would grow for ever."""
        files = list(self._cache.glob("*.wav"))
        if len(files) <= _ON_DISK:
            return
        files.sort(key=lambda path: path.stat().st_mtime)
        for path in files[: len(files) - _ON_DISK * 9 // 10]:
            path.unlink(missing_ok=True)


def _taken(kept: Path) -> Sound | None:
    """What was kept; a file that a power loss left empty or torn is as good as none."""
    if not kept.exists():
        return None
    kept.touch()
    return _readable(kept)


def _readable(path: Path) -> Sound | None:
    try:
        return spoken(read_wav(path))
    except SoundFileError as error:
        _log.error("prompt_file_refused error=%s", error)
        return None


def _keep(kept: OrderedDict[Prompt, _Kept], prompt: Prompt, value: _Kept) -> None:
    kept[prompt] = value
    while len(kept) > _IN_MEMORY:
        kept.popitem(last=False)


def _filled(argument: str, values: dict[str, str]) -> str:
    """In one pass: what a text says is not looked at again."""
    for name, value in values.items():
        before, found, after = argument.partition(name)
        if found:
            return _filled(before, values) + value + _filled(after, values)
    return argument


def _result(future: "Future[Sound | None]") -> Sound | None:
    return None if future.cancelled() or future.exception() is not None else future.result()
