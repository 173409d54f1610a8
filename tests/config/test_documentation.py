"""docs/configuration.md says what the models say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from proxy.config import parse
from proxy.config.app import ROOTS
from proxy.config.sentences import extent
from proxy.config.table import paths, subtable

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for cells in ([cell.strip(" `") for cell in row.strip("|").split(" | ")] for row in PAGE.splitlines())
    if len(cells) == 4
}
LEAVES = [pair for name, root in ROOTS.items() for pair in paths(root, name) if not subtable(pair[1])]


def plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("path", "field"), LEAVES, ids=[path for path, _ in LEAVES])
def test_key_is_described_with_its_default_and_range(path: str, field: FieldInfo) -> None:
    default, extent_words, meaning = ROWS[path]
    assert meaning
    assert extent(field) in extent_words
    if field.is_required():
        assert re.match("required|response_grace_period|[01] with", default)
    elif field.default is None:
        assert default == "\N{EN DASH}"
    else:
        assert tomllib.loads(f"x = {default}")["x"] == plain(field.default)


def test_every_described_key_exists() -> None:
    known = {path for name, root in ROOTS.items() for path, _ in paths(root, name)}
    assert {row for row in ROWS if row.startswith(("cerebrium.", "tidegate."))} <= known


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_example_is_valid(example: str) -> None:
    text = example if "name =" in example else f'[cerebrium.deployment]\nname = "a"\n{example}'
    assert parse(text, Path("cerebrium.toml")).warnings == ()
