"""Where sealed files are: a folder, or (bucket.py) a bucket elsewhere."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class LakeInUseError(RuntimeError):
    """Another process seals, forgets or imports now."""

    def __init__(self) -> None:
        super().__init__("another process seals, forgets or imports now")


class Place(Protocol):
    """Names have slashes. Every method raises OSError when the place cannot be reached."""

    def read(self, name: str) -> bytes | None:
        """`None` when there is no such file."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Whole or not at all, and durable when this returns; replaces what has the name."""
        ...

    def put(self, name: str, file: Path) -> None:
        """As `write`, from a local file, which stays."""
        ...

    def fetch(self, name: str) -> Path:
        """A local copy to read, valid at least until the next call. Raises FileNotFoundError."""
        ...

    def delete(self, name: str) -> None:
        """A file that is not there is deleted already."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """All that begin so; `prefix` ends with a slash."""
        ...


class LakeFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        with self._replacing(name) as part:
            part.write_bytes(content)

    def put(self, name: str, file: Path) -> None:
        with self._replacing(name) as part:
            shutil.copyfile(file, part)

    def fetch(self, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            raise FileNotFoundError(name)
        return path

    def delete(self, name: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _flush(path.parent)

    def names(self, prefix: str) -> Iterator[str]:
        for folder, _, files in os.walk(self._folder / prefix):
            for file in files:
                if not file.startswith("."):
                    yield (Path(folder) / file).relative_to(self._folder).as_posix()

    @contextlib.contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        path = self._folder / name
        made = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            yield part
            _flush(part)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        for folder in {path.parent, *(one.parent for one in made)}:
            _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time changes a lake. Raises LakeInUseError."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LakeInUseError from error
        yield
