"""What a decoder says of a document that does not have the form it should have."""

import re

_ERROR = re.compile(r"(?P<message>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`")


def refusal(text: str) -> tuple[str, str]:
    """From what msgspec says: the message, and the path of the field ("": the document itself).

    Keys of mappings are left out of the path: `keys[...][0]`.
    """
    said = _ERROR.fullmatch(text)
    assert said is not None  # noqa: S101 - the pattern fits any text
    message, path = said["message"], said["path"] or ""
    field = _FIELD.match(message)
    path = path.removeprefix(".")
    return message, joined(path, field[1]) if field else path


def joined(path: str, below: str) -> str:
    """The path of what is `below` another field; either may be empty."""
    dot = "." if path and below and not below.startswith("[") else ""
    return f"{path}{dot}{below}"
