"""A command line that cannot be followed, in one sentence."""

from __future__ import annotations

import re

import typer
from pydantic import ValidationError

from proxy.config.sentences import KINDS, did_you_mean

# How the library ends a message about a word that is near to one that it knows.
_NEAR = re.compile(r"(?:\. Did you mean| \(Possible options:) (.+?)[?)]$")


def mistake(error: typer.TyperException) -> str:
    """Which word is wrong, what it may be, and where more is said; "" where the help has said it all."""
    cause = error.__cause__
    if isinstance(error, typer.BadParameter) and error.message:
        name = _name(error)
        text = f"{name} {_value(error, cause)}" if isinstance(cause, ValidationError) else f"{name}: {error.message}"
    else:
        text = _plain(error)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _plain(error: typer.TyperException) -> str:
    message = error.format_message().rstrip(".").replace("'", "")
    if not message:
        return ""
    text = message[0].lower() + message[1:]
    near = _NEAR.search(text)
    if near is not None:
        return f"{text[: near.start()]}: did you mean {near[1].replace(', ', ' or ')}?"
    context: typer.Context | None = getattr(error, "ctx", None)
    return f"{text}; see {context.command_path if context else 'tidegate'} --help"


def _name(error: typer.BadParameter) -> str:
    """The option, or the variable that stands for it, or the argument."""
    param, context = error.param, error.ctx
    if param is None or context is None:
        return "the command line"
    source = context.get_parameter_source(param.name)
    if source is not None and source.name == "ENVIRONMENT" and isinstance(param.envvar, str):
        return f"the environment variable {param.envvar}"
    return max(param.opts, key=len) if param.param_type_name == "option" else param.display_name_raw


def _value(error: typer.BadParameter, cause: ValidationError) -> str:
    detail = cause.errors(include_url=False)[0]
    return f"is {detail['input']}, but must be {_demand(error, detail['type'], str(detail['input']))}"


def _demand(error: typer.BadParameter, kind: str, given: str) -> str:
    if error.param is None:
        return error.message
    described = error.param.type_descriptor
    if described.choices is not None:
        choices = [str(choice) for choice in described.choices]
        return f"one of {', '.join(choices)}{did_you_mean(given, choices)}"
    words = KINDS.get(kind.partition("_")[0]), _extent(described.parameter_info.min, described.parameter_info.max)
    return ", ".join(filter(None, words)) or error.message


def _extent(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "" if low is None else f"at least {low:g}"
    return f"from {low:g} to {high:g}"
