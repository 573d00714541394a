"""Files that are either whole or not there, also after a crash. All are private to the node."""

import os
from pathlib import Path

TEMPORARY = ".part"


def replace_file(path: Path, content: bytes, *, survive_power_loss: bool = True) -> None:
    """Put `content` at `path` in one step.

    Without `survive_power_loss` the file outlives the process but perhaps not the machine,
    and the call costs no disk flush.
    """
    part = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if survive_power_loss:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)
    if survive_power_loss:
        flush_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add `line` at the end; it outlives the process but perhaps not the machine.

    A tenth of the cost of `replace_file`, with which a file system flushes what it replaces. What
    is left of a line that a full disk cut short does not spoil the next one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, b"\n" + line + b"\n")
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def flush_file(path: Path) -> None:
    """Make what is in `path` survive a power loss."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
