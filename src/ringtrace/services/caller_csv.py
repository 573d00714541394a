"""A list of callers as spreadsheets write it: a number or a beginning on each line, and a note."""

import csv
from collections.abc import Sequence
from io import StringIO

from ringtrace.domain.blocklist import Treatment
from ringtrace.services.list_callers import Wanted

_HEADINGS = frozenset({"caller", "number", "phone"})


def read_callers(text: str, treatment: Treatment) -> Sequence[Wanted]:
    """Columns: caller, note. A line of headings and empty lines are left out."""
    separator = ";" if ";" in text.partition("\n")[0] else ","
    rows = [row for row in csv.reader(StringIO(text), delimiter=separator) if any(row)]
    if rows and rows[0][0].strip().lower() in _HEADINGS:
        del rows[0]
    return [
        Wanted(row[0].strip(), treatment, row[1].strip() if len(row) > 1 else "") for row in rows
    ]
