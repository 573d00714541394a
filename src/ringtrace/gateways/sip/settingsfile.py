"""A node's settings as people write them: a TOML file, and options that take its place."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from ringtrace.gateways.sip.settings import NodeSettings, settings_of

NOTHING: Mapping[str, object] = {}
NOBODY: Mapping[str, object] = {"backend_url": "http://127.0.0.1", "token": "none-yet"}
"""Of a node whose server will say where it is, and give it a token."""
_PATHS = ("spool_dir", "ready_file", "prompt_file", "prompt_dir")


def read_settings(
    file: Path | None, options: Mapping[str, object], defaults: Mapping[str, object] = NOTHING
) -> NodeSettings:
    """What `file` says, except where `options` say otherwise; else the `defaults`.

    Paths in the file are relative to its folder. Raises `OSError`, and `ValueError` that names the
    file and the field.
    """
    fields = {} if file is None else _document(file)
    try:
        return settings_of({**defaults, **fields, **options})
    except ValueError as error:
        if file is None:
            raise
        raise ValueError(f"{file}: {error}") from None


def _document(file: Path) -> dict[str, object]:
    try:
        fields: dict[str, object] = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: {error}") from None
    for name in _PATHS:
        path = fields.get(name)
        if isinstance(path, str):
            fields[name] = str(file.parent / path)
    return fields
