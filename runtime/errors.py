"""What the function server itself answers instead of a function's result."""

from __future__ import annotations

from proxy.errors import AnswerError


class FunctionNotFound(AnswerError):
    status, type = 404, "function_not_found"


class WrongMethod(AnswerError):
    """A function is called with POST, whatever it does."""

    status, type = 405, "method_not_allowed"


class InvalidArguments(AnswerError):
    """The message names every parameter that is wrong, missing or unknown."""

    status, type = 422, "invalid_arguments"


class NotReady(AnswerError):
    """main.py has not run to its end yet."""

    status, type = 503, "not_ready"
