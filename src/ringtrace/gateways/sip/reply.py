"""The final SIP answer for a caller."""

from sippy.CCEvents import CCEventFail

from ringtrace.domain.call import Outcome, failure

_PHRASES = {
    404: "Not Found",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


def caller_answer(code: int) -> int:
    """The final SIP code for the caller when the last leg ended with `code`."""
    outcome, _ = failure(code)
    if outcome is Outcome.BUSY:
        return 486
    if outcome is Outcome.MISSED:
        return 480
    if outcome is Outcome.REJECTED:
        return 603
    # A redirection or a challenge was meant for us, not for the caller.
    return code if 400 <= code <= 699 and code not in {401, 407} else 500  # noqa: PLR2004 - SIP's failure classes


def refusal(answer: int) -> CCEventFail:
    """What makes the inbound leg answer with the final code `answer`."""
    return CCEventFail((answer, _PHRASES.get(answer, "Call Failed")))
