"""What is different between two configurations of an app, by the keys of the file; never a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from proxy.config.app import AppConfig
from proxy.config.table import Table

# Read from the file again each time, or not from it at all.
_LEFT_OUT = frozenset(("file", "warnings"))

_TABLES = {"custom": "runtime.custom"}


def difference(before: AppConfig, after: AppConfig) -> tuple[str, ...]:
    """As "scaling.cooldown", sorted; variables of the environment by their names."""
    names = (one.name for one in fields(AppConfig) if one.name not in _LEFT_OUT)
    return tuple(
        sorted(
            path
            for name in names
            for path in _changed(_TABLES.get(name, name), getattr(before, name), getattr(after, name))
        )
    )


def _changed(path: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Table) and isinstance(after, Table):
        for name, field in type(before).model_fields.items():
            yield from _changed(f"{path}.{_key(name, field)}", getattr(before, name), getattr(after, name))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from (f"{path}.{key}" for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    else:
        yield path


def _key(field_name: str, field: FieldInfo) -> str:
    """As the file has it."""
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias or field_name)
