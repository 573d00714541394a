"""Refusals with a stable `error_id`, worded for the person or program that asked."""

from ringtrace.domain.refusal import refusal


class RefusedError(Exception):
    """A request that cannot be served as it stands. `field` names the part that is wrong."""

    status = 400
    error_id = "refused"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def body(self) -> dict[str, str | None]:
        return {"error_id": self.error_id, "field": self.field, "message": self.message}


class BodyInvalidError(RefusedError):
    status, error_id = 400, "body_invalid"


class BodyTooLargeError(RefusedError):
    status, error_id = 413, "body_too_large"


class FieldInvalidError(RefusedError):
    status, error_id = 422, "field_invalid"

    @classmethod
    def read(cls, said: str) -> "FieldInvalidError":
        """From what msgspec says of a document: the message and the path of the field."""
        message, path = refusal(said)
        return cls(message, path or "body")


class ConfirmationNeededError(FieldInvalidError):
    """`field` is to say that it is meant; `patterns` are what it would be meant of."""

    error_id = "confirmation_needed"

    def __init__(self, message: str, field: str, patterns: tuple[str, ...]) -> None:
        super().__init__(message, field)
        self.patterns = patterns


class MediaTypeUnsupportedError(RefusedError):
    status, error_id = 415, "media_type_unsupported"


class DigestMismatchError(RefusedError):
    status, error_id = 400, "digest_mismatch"


class RecordingContradictsError(RefusedError):
    status, error_id = 409, "recording_contradicts"


class SiteUnknownError(RefusedError):
    status, error_id = 404, "site_unknown"


class TokenUnknownError(RefusedError):
    status, error_id = 401, "token_unknown"


class NumberUnknownError(RefusedError):
    status, error_id = 404, "number_unknown"


class CallUnknownError(RefusedError):
    status, error_id = 404, "call_unknown"


class NotFoundError(RefusedError):
    status, error_id = 404, "not_found"


class MethodNotAllowedError(RefusedError):
    status, error_id = 405, "method_not_allowed"


class ReportContradictsError(RefusedError):
    status, error_id = 409, "report_contradicts"


class NumberTakenError(RefusedError):
    status, error_id = 409, "number_taken"


class VisitsArchivedError(RefusedError):
    status, error_id = 409, "visits_archived"


class SoundInUseError(RefusedError):
    status, error_id = 409, "sound_in_use"


class SignInFailedError(RefusedError):
    status, error_id = 401, "sign_in_failed"


class StoreAwayError(RefusedError):
    status, error_id = 503, "store_away"


class NeighboursAwayError(RefusedError):
    status, error_id = 503, "neighbours_away"


class RecordingsAwayError(RefusedError):
    status, error_id = 503, "recordings_away"
