"""What is wrong with a file, in sentences: the dotted key, what it is, what it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import get_args

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from proxy.config.table import Table, keys, paths, subtable

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "a string",
    "tuple": "a list",
    "dict": "a table",
    "mapping": "a table",
    "model": "a table",
    "invalid-json-value": "something that JSON can say, which has no dates and times",
}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`: did you mean "…"?`, or nothing if no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f': did you mean "{near[0]}"?' if near else ""


def extent(field: FieldInfo) -> str:
    """The range of a number in words ("from 0 to 2000"), or nothing if it has none."""
    bounds = {type(bound): bound for bound in field.metadata}
    low, above, high = bounds.get(Ge), bounds.get(Gt), bounds.get(Le)
    if low and high:
        return f"from {low.ge:g} to {high.le:g}"
    if above:
        return f"above {above.gt:g}"
    return f"at least {low.ge:g}" if low else ""


def wrong_values(error: ValidationError, model: type[Table], name: str) -> Iterator[str]:
    """One sentence for each value that pydantic refused in the root table `name`; without it where it is a secret."""
    for detail in error.errors(include_url=False):
        key, field = _locate(detail["loc"], model, name)
        if detail["type"] == "missing":
            yield f"{key} is missing: add it"
        else:
            shown = _shown(detail["input"]) if field is None or field.repr else ""
            yield f"{key} {shown}must {_demand(detail, field)}"


def unknown_keys(document: Mapping[str, object], roots: Mapping[str, type[Table]]) -> Iterator[str]:
    """One sentence for each key that has no effect here; tables of other tools are no mistake."""
    for name in document:
        if name not in roots and (hint := did_you_mean(name, roots)):
            yield f"the table {name} is not known and has no effect{hint}"
    everywhere = [path for name, root in roots.items() for path, _ in paths(root, name)]
    for name, root in roots.items():
        for path, siblings in _strangers(document.get(name), root, name):
            key = path.rpartition(".")[2]
            elsewhere = [known for known in everywhere if known.endswith(f".{key}")][:1]
            hint = did_you_mean(key, siblings) or (f': did you mean "{elsewhere[0]}"?' if elsewhere else "")
            yield f"{path} is not known and has no effect{hint}"


def _strangers(table: object, model: type[Table], path: str) -> Iterator[tuple[str, Iterable[str]]]:
    if isinstance(table, list):
        for index, item in enumerate(table):
            yield from _strangers(item, model, f"{path}[{index}]")
    if not isinstance(table, dict):
        return
    known = keys(model)
    for key, value in table.items():
        if key not in known:
            yield f"{path}.{key}", known
        elif inner := subtable(known[key]):
            yield from _strangers(value, inner, f"{path}.{key}")


def _locate(location: tuple[int | str, ...], model: type[Table], name: str) -> tuple[str, FieldInfo | None]:
    path = name
    field: FieldInfo | None = None
    table: type[Table] | None = model
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        found = keys(table).get(str(part)) if table else None
        if found:
            field, table = found, subtable(found)
    return path, field


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return f"is {str(value).lower()}, but "
    if isinstance(value, int | float):
        return f"is {value}, but "
    return f'is "{value}", but ' if isinstance(value, str) and len(value) <= 80 else ""


def _demand(detail: ErrorDetails, field: FieldInfo | None) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"]).removeprefix("must ")
    if kind == "literal_error" and field:
        choices = _choices(field)
        return f"be one of {', '.join(choices)}{did_you_mean(str(detail['input']), choices)}"
    words = (KINDS.get(kind.partition("_")[0]), field and extent(field))
    return f"be {', '.join(filter(None, words))}"


def _choices(field: FieldInfo) -> list[str]:
    inner = [choice for kind in get_args(field.annotation) for choice in (get_args(kind) or [kind])]
    return [choice for choice in inner if isinstance(choice, str)]
