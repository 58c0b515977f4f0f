"""How talking to the API can fail, in the terms a page needs to tell people what happened."""

from axiru.errors import AxiruError


class ApiOutOfReach(AxiruError):
    """No answer: connection refused, dropped or timed out. What was asked may or may not have happened."""

    code = "api_out_of_reach"


class ApiAnswerUnreadable(AxiruError):
    """An answer that is not what the API promises. Nothing of it is shown, least of all an amount guessed from it."""

    code = "api_answer_unreadable"


class ApiRefused(AxiruError):
    """The API said no. `code` and `message` are its own; facts: `status`, `request_id`, `field_errors`."""

    def __init__(self, code: str, message: str, *, status: int, request_id: str | None, field_errors: dict[str, str]):
        super().__init__(message, status=status, request_id=request_id, field_errors=field_errors)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.field_errors = field_errors

    @property
    def sentences(self) -> str:
        """What the API said, with what it said of single fields."""
        return " ".join([self.message, *self.field_errors.values()])


class RateLimited(ApiRefused):
    """429: ask again after `retry_after_seconds`."""

    def __init__(self, message: str, *, request_id: str | None, retry_after_seconds: int):
        super().__init__("rate_limited", message, status=429, request_id=request_id, field_errors={})
        self.retry_after_seconds = retry_after_seconds


class SessionEnded(AxiruError):
    """401 for a token that once worked: expired, revoked, or logged out elsewhere."""

    code = "session_ended"
