from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import cast

import pytest

from runtime.errors import InvalidArguments
from runtime.functions import Function, load

Main = Callable[[str], dict[str, Function]]


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Main]:
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(text: str) -> dict[str, Function]:
        (tmp_path / "main.py").write_text(text)
        return load(tmp_path)

    yield write
    sys.modules.pop("main", None)


def test_only_own_public_functions_are_found(main: Main) -> None:
    functions = main(
        "from textwrap import dedent\nimport json\n"
        "class Model: pass\nmodel = Model()\n"
        "def predict(): pass\nasync def chat(): yield\ndef _private(): pass\n"
    )
    assert list(functions) == ["predict", "chat"]


def test_async_functions_and_generators_run_on_the_loop(main: Main) -> None:
    functions = main("async def a(): pass\nasync def b(): yield\ndef c(): pass\ndef d(): yield")
    assert [function.on_loop for function in functions.values()] == [True, True, False, False]


def test_values_become_what_the_annotations_ask_for(main: Main) -> None:
    functions = main(
        "from __future__ import annotations\nfrom datetime import date\nfrom pydantic import BaseModel\n"
        "class Item(BaseModel):\n    n: int\n"
        "def f(day: date, item: Item, any, *, times: float = 2): pass\n"
    )
    args, kwargs = functions["f"].arguments({"day": "2024-01-02", "item": {"n": "3"}, "any": [1]}, "r")
    assert args == ()
    assert [str(value) for value in kwargs.values()] == ["2024-01-02", "n=3", "[1]", "2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "x: Missing required argument"),
        ({"x": "q"}, "x: Input should be a valid integer"),
        ({"x": 1, "y": 2}, "y: Unexpected keyword argument"),
        ({"x": 1, "self": 2}, "self: Unexpected keyword argument"),
        ({"x": 1, "item": {}}, r"item\.n: Field required"),
    ],
)
def test_wrong_parameter_is_named(main: Main, given: dict[str, object], message: str) -> None:
    function = main(
        "from pydantic import BaseModel\nclass Item(BaseModel):\n    n: int\ndef f(x: int, item: Item = None): pass"
    )["f"]
    with pytest.raises(InvalidArguments, match=message):
        function.arguments(given, "r")


def test_a_function_that_cannot_be_called_says_so_whatever_its_parameters_are_called(main: Main) -> None:
    function = main("from __future__ import annotations\ndef f(sentence: Nowhere): pass")["f"]
    with pytest.raises(InvalidArguments, match="f cannot be called over HTTP"):
        function.arguments({"sentence": 1}, "r")


def test_function_with_kwargs_takes_unknown_parameters(main: Main) -> None:
    assert main("def f(**rest): pass")["f"].arguments({"a": 1, "self": 2}, "r") == ((), {"a": 1, "self": 2})


def test_run_id_is_injected_only_where_it_is_a_parameter(main: Main) -> None:
    functions = main("def f(run_id): pass\ndef g(): pass")
    assert functions["f"].arguments({"run_id": "the client's"}, "ours") == ((), {"run_id": "ours"})
    assert functions["g"].arguments({}, "ours") == ((), {})


def test_annotations_for_a_type_checker_do_not_stop_the_others(main: Main) -> None:
    functions = main("def f(x: 'Nowhere'): pass\ndef g(x: int) -> 'Nowhere': pass")
    assert functions["g"].arguments({"x": 1}, "r") == ((), {"x": 1})
    with pytest.raises(InvalidArguments, match=r"f cannot be called over HTTP: .*Nowhere"):
        functions["f"].arguments({"x": 1}, "r")


def test_class_of_a_library_may_be_an_annotation(main: Main) -> None:
    assert "f" in main("class Tensor: pass\ndef f(x: Tensor): pass")


def test_error_of_main_is_passed_on(main: Main) -> None:
    with pytest.raises(ZeroDivisionError):
        main("1 / 0")


@pytest.mark.parametrize(
    ("parameters", "raw"),
    [
        ("image: bytes", "image"),
        ("image: bytes | None = None, top: int = 1", "image"),
        ("a: bytes, b: bytes", None),
        ("image: Base64Bytes", None),
        ("images: list[bytes]", None),
        ("x: 'Nowhere'", None),
        ("run_id", None),
    ],
)
def test_only_parameter_of_bytes_takes_a_raw_body(main: Main, parameters: str, raw: str | None) -> None:
    assert main(f"from pydantic import Base64Bytes\ndef f({parameters}): pass")["f"].raw == raw


def test_parameters_without_annotations_take_what_is_given_and_are_named_if_they_are_not() -> None:
    def sums(a, b=2): ...  # type: ignore[no-untyped-def]  # as users write them

    function = Function(cast(FunctionType, sums))
    assert function.arguments({"a": [1], "b": None}, "r") == ((), {"a": [1], "b": None})
    assert function.arguments({"a": 1}, "r") == ((), {"a": 1, "b": 2})
    with pytest.raises(InvalidArguments, match="a: Missing required argument; c: Unexpected keyword argument"):
        function.arguments({"c": 1}, "r")
