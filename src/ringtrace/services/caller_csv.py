"""A list of callers as spreadsheets write it: a number or a beginning on each line, and a note."""

import csv
from collections.abc import Sequence
from io import StringIO

from ringtrace.domain.blocklist import Treatment
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.list_callers import Wanted

_HEADINGS = frozenset({"caller", "number", "phone"})


def read_callers(text: str, treatment: Treatment) -> Sequence[Wanted]:
    """Columns: caller, note. A line of headings and empty lines are left out.

    Lines may end as on any system. Raises FieldInvalidError: `callers`.
    """
    separator = ";" if ";" in text.partition("\n")[0] else ","
    lines = StringIO(text, newline=None)
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if any(row)]
    except csv.Error as error:
        raise FieldInvalidError("lines of a caller and a note are needed", "callers") from error
    if rows and rows[0][0].strip().lower() in _HEADINGS:
        del rows[0]
    return [
        Wanted(row[0].strip(), treatment, row[1].strip() if len(row) > 1 else "") for row in rows
    ]
