"""What a table of the file is, and the kinds of value in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from proxy.config.document import WrittenFloat


class Table(BaseModel):
    """One table: a field is a key with its default and range. Frozen."""

    model_config = ConfigDict(frozen=True, validate_default=True)


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _as_text(value: object) -> object:
    if isinstance(value, WrittenFloat):
        return value.text
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _empty_is_none(value: object) -> object:
    return value or None


Whole = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth), Field(allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_as_text)]
Words = tuple[Text, ...]
OptionalText = Annotated[Text | None, BeforeValidator(_empty_is_none)]


def written(default: object) -> Any:  # Any: validation turns what a user would write into the field's type
    """A default in the form in which a user would write it."""
    return Field(default=default)


def keys(model: type[Table]) -> dict[str, FieldInfo]:
    """Every key that `model` knows, also the second spellings."""
    found = {}
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        spellings = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
        found.update({str(spelling): field for spelling in spellings})
    return found


def subtable(field: FieldInfo) -> type[Table] | None:
    """The model of the table, or of the list of tables, that `field` holds."""
    candidates = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, Table)), None)


def paths(model: type[Table], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    """Every dotted key below `prefix` with its field, tables before what they hold."""
    for key, field in keys(model).items():
        path = f"{prefix}.{key}"
        yield path, field
        if inner := subtable(field):
            yield from paths(inner, path)
