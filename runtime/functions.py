"""The functions of main.py: which there are, and what arguments they take."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType, UnionType

import pydantic

from runtime.errors import InvalidArguments

Arguments = tuple[tuple[object, ...], dict[str, object]]


class Function:
    """One function of main.py that can be called by name; `raw` is the parameter that takes a body as it is."""

    def __init__(self, function: FunctionType) -> None:
        self.name = function.__name__
        self.call: Callable[..., object] = function
        self.on_loop = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        self.raw = _raw_parameter(function)
        self._takes_run_id = "run_id" in inspect.signature(function).parameters
        self._validate = _validator(function)
        self._bare = _bare_parameters(function)

    def arguments(self, given: Mapping[str, object], run_id: str) -> Arguments:
        """Convert JSON values to what the annotations ask for; raises InvalidArguments."""
        values = {**given, "run_id": run_id} if self._takes_run_id else given
        if self._bare is not None and values.keys() == self._bare:
            return (), dict(values)
        try:
            return self._validate(**values)
        except pydantic.ValidationError as error:
            raise InvalidArguments("; ".join(_sentences(error))) from None


def load(folder: Path) -> dict[str, Function]:
    """Run main.py and find its functions; raises whatever main.py raises."""
    sys.path.insert(0, str(folder))
    return find(importlib.import_module("main"))


def find(module: ModuleType) -> dict[str, Function]:
    """The functions that `module` itself defines, without the private ones."""
    return {
        name: Function(value)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def _bare_parameters(function: FunctionType) -> frozenset[str] | None:
    """The names of all parameters, if pydantic has nothing to check in any of them."""
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    bare = all(each.kind in named and each.annotation is inspect.Parameter.empty for each in parameters)
    return frozenset(each.name for each in parameters) if bare else None


def _raw_parameter(function: FunctionType) -> str | None:
    """The only parameter that is annotated as bytes, or as bytes among others."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # an annotation is an expression of the user's, and may raise anything
        return None
    names = [name for name in inspect.signature(function).parameters if _takes_bytes(hints.get(name))]
    return names[0] if len(names) == 1 else None


def _takes_bytes(hint: object) -> bool:
    return hint is bytes or (bytes in typing.get_args(hint) and typing.get_origin(hint) in (typing.Union, UnionType))


def _validator(function: FunctionType) -> Callable[..., Arguments]:
    @functools.wraps(function)
    def collect(*args: object, **kwargs: object) -> Arguments:
        return args, kwargs

    # A return annotation may name what only a type checker imports.
    collect.__annotations__ = {name: kind for name, kind in function.__annotations__.items() if name != "return"}
    try:
        return pydantic.validate_call(config=pydantic.ConfigDict(arbitrary_types_allowed=True))(collect)
    except (pydantic.PydanticUserError, NameError) as error:
        return functools.partial(_refuse, f"{function.__name__} cannot be called over HTTP: {error}")


def _refuse(sentence: str, /, **_: object) -> Arguments:
    raise InvalidArguments(sentence)


def _sentences(error: pydantic.ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
