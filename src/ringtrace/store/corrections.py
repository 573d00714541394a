"""What users may say of whose call it was, and what it comes to."""

from ringtrace.domain.attribution import Attribution, Basis, Candidate, to_corrected
from ringtrace.services.call_records import Correction
from ringtrace.services.errors import FieldInvalidError, NotFoundError


def refuse(basis: str, visit_id: str | None, called: Candidate | None, *, was_shown: bool) -> None:
    """Unless a call of that basis can be of the visit `called`, found under `visit_id`.

    Raises NotFoundError and FieldInvalidError.
    """
    if basis == Basis.STATIC_NUMBER:
        raise FieldInvalidError("a static number's calls belong to its source", "call")
    if visit_id is None:
        return
    if called is None:
        raise NotFoundError("no such visit", "visit_id")
    if not was_shown:
        raise FieldInvalidError(
            "this visit was not shown the number in the 14 days before the call", "visit_id"
        )


def no_such_call() -> NotFoundError:
    return NotFoundError("no such call", "call")


def nothing_to_take_back() -> NotFoundError:
    return NotFoundError("nobody corrected this call", "call")


def as_corrected(
    made: Correction | None, called: Candidate | None, attribution: Attribution
) -> Attribution:
    """What the engine says of the call, or, where a user knows better, what he says."""
    return attribution if made is None else to_corrected(called, attribution.model)
