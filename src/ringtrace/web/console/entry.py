"""What somebody entered into a form that was refused: it is shown again, with what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from ringtrace.services.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Entry:
    """`form` and `field` are names of the page, `typed` what was sent by field.

    A field "" is the form itself: the message belongs to none of its inputs.
    """

    form: str
    typed: Mapping[str, str]
    field: str
    message: str
    status: int

    def value(self, form: str, name: str, usual: str = "") -> str:
        """What the input `name` of a `form` holds: as typed, or the usual where nothing was."""
        return self.typed.get(name, "") if self.form == form else usual

    def is_on(self, form: str, name: str, usual: bool) -> bool:
        """Whether a box is ticked; one that is not sent is not."""
        return name in self.typed if self.form == form else usual

    def is_wrong(self, form: str, name: str) -> bool:
        return self.form == form and self.field == name


NO_ENTRY = Entry("", {}, "", "", 200)


def refused_entry(form: str, typed: Mapping[str, str], error: RefusedError, name: str) -> Entry:
    """The message as a sentence, beside the input `name`."""
    first = error.message.partition(" ")[0]
    # What begins with something to type ("mail:NAME@HOST") is left as it is typed.
    message = error.message[:1].upper() + error.message[1:] if first.isalpha() else error.message
    return Entry(form, typed, name, f"{message}.", error.status)
