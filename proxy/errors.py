"""The error tree: what a user can cause, and what a request can be answered with."""

from __future__ import annotations


class TidegateError(Exception):
    """Root of everything Tidegate raises on purpose; its text is one sentence for a person."""

    def __init__(self, message: str) -> None:
        # A path that it names may be no UTF-8, which neither JSON nor a terminal takes.
        super().__init__(message.encode(errors="backslashreplace").decode())


class UserError(TidegateError):
    """A mistake of the user's: the sentence names the file, the key and the mend. Exit code 2."""


class ConfigError(UserError):
    """A configuration that cannot be used."""


class EngineError(UserError):
    """The Docker Engine cannot be reached, or refused something."""


class BuildError(UserError):
    """An image could not be made; more lines than one when a step failed: its command and what it said last."""


class TraceError(UserError):
    """A request trace that cannot be replayed."""


class StartError(TidegateError):
    """A backend could not start a replica; the sentence is the reason shown to waiting clients."""


class AnswerError(TidegateError):
    """A request that Tidegate answers itself, as JSON, with `status` and `type`."""

    status = 500
    type = "internal_error"

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def document(self, request_id: str) -> dict[str, object]:
        """The body, as values; the shape that OpenAI clients print."""
        return {"error": {"type": self.type, "message": str(self), "request_id": request_id}}


class BadRequest(AnswerError):
    """Malformed or ambiguous HTTP; the connection is closed (RFC 9112 section 2.2)."""

    status, type = 400, "bad_request"


class VersionNotSupported(BadRequest):
    """An HTTP version that is not spoken here (RFC 9110 section 15.6.6)."""

    status = 505


class MethodNotAllowed(BadRequest):
    """CONNECT and TRACE end here: a gateway is no tunnel and no echo (RFC 9110 section 9.3)."""

    status = 405


class Unauthorized(AnswerError):
    status, type = 401, "unauthorized"


class Forbidden(AnswerError):
    status, type = 403, "forbidden"


class AppNotFound(AnswerError):
    status, type = 404, "app_not_found"


class ReplicaNotFound(AnswerError):
    status, type = 404, "replica_not_found"


class RequestTimeout(AnswerError):
    """The client was too slow sending its request."""

    status, type = 408, "request_timeout"


class BodyTooLarge(AnswerError):
    status, type = 413, "too_large"


class TargetTooLong(AnswerError):
    status, type = 414, "too_large"


class HeaderTooLarge(AnswerError):
    status, type = 431, "too_large"


class QueueFull(AnswerError):
    status, type = 429, "queue_full"


class RateLimited(AnswerError):
    """The client's key has as many requests, or made as many in a second, as it may."""

    status, type = 429, "rate_limited"


class ReplicaFailed(AnswerError):
    """The replica broke the connection or spoke invalid HTTP."""

    status, type = 502, "replica_failed"


class NoReplica(AnswerError):
    """No replica can be started; the message carries the reason and its last log lines."""

    status, type = 503, "no_replica"


class Draining(AnswerError):
    status, type = 503, "draining"


class Overloaded(AnswerError):
    """The process has as many client connections as it can keep."""

    status, type = 503, "overloaded"


class GatewayTimeout(AnswerError):
    """Queue wait, first byte or response_grace_period exceeded, or killed at the end of a drain."""

    status, type = 504, "gateway_timeout"
