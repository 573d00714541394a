"""A lake in an S3-compatible bucket; what is read is kept in a local folder for a while.

Names of sealed files contain the digest of their content, so a local copy is never out of date.
Credentials, region and endpoint come from the environment, as those of recordings do.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError, NotFoundError

from ringtrace.store.s3 import open_s3

CACHE_BYTES: Final = 4 * 1024**3
_PART: Final = 8 * 1024 * 1024


class LakeBucket:
    """A request may take 30 s and is tried up to three times within 20 s (store/s3.py)."""

    def __init__(self, url: str, cache: Path, cache_bytes: int = CACHE_BYTES) -> None:
        """`url` is s3://BUCKET or s3://BUCKET/PREFIX. Raises ValueError; nothing is sent yet."""
        self._store = open_s3(url, "lake")
        self._said = (url, cache, cache_bytes)
        self._cache = cache
        self._cache_bytes = cache_bytes

    def __reduce__(self) -> tuple[type["LakeBucket"], tuple[str, Path, int]]:
        """Another process opens its own."""
        return LakeBucket, self._said

    def read(self, name: str) -> bytes | None:
        with _answers():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def write(self, name: str, content: bytes) -> None:
        with _answers():
            obstore.put(self._store, name, content)

    def put(self, name: str, file: Path) -> None:
        with _answers():
            obstore.put(self._store, name, file, chunk_size=_PART)

    def fetch(self, name: str) -> Path:
        path = self._cache / name.replace("/", "+")
        if path.exists():
            path.touch()
            return path
        with _answers():
            try:
                found = obstore.get(self._store, name)
            except (NotFoundError, FileNotFoundError) as error:
                raise FileNotFoundError(name) from error
            self._make_room(found.meta["size"])
            part = path.with_name(path.name + f".{os.getpid()}.part")
            with part.open("wb") as file:
                for chunk in found.stream(min_chunk_size=_PART):
                    file.write(bytes(chunk))
            part.replace(path)
        return path

    def delete(self, name: str) -> None:
        (self._cache / name.replace("/", "+")).unlink(missing_ok=True)
        with _answers(), contextlib.suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self._store, name)

    def names(self, prefix: str) -> Iterator[str]:
        with _answers():
            for page in obstore.list(self._store, prefix.rstrip("/")):
                for one in page:
                    yield str(one["path"])

    def _make_room(self, size: int) -> None:
        """What was not asked for longest goes first."""
        self._cache.mkdir(parents=True, exist_ok=True)
        kept = sorted(self._cache.iterdir(), key=lambda path: path.stat().st_mtime)
        total = size + sum(path.stat().st_size for path in kept)
        for path in kept:
            if total <= self._cache_bytes:
                return
            total -= path.stat().st_size
            path.unlink()


@contextlib.contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        said = " ".join(str(error).split())[:300]
        raise OSError(f"the lake's bucket cannot be reached: {said}") from error
