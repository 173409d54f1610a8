"""Tables for programs and for terminals."""

from __future__ import annotations

import io

from click import unstyle
from rich.console import Console

from proxy.cli.table import coloured, columns

HEAD = ("NAME", "STATE", "WHY")
ROWS = [("chat-1", "ready", "x" * 200), ("a", "failed", "-")]


def test_columns_are_aligned_and_whole() -> None:
    assert list(columns(HEAD, ROWS)) == [
        "NAME    STATE   WHY",
        f"chat-1  ready   {'x' * 200}",
        "a       failed  -",
    ]


def test_on_a_terminal_the_last_column_gives_way() -> None:
    screen = io.StringIO()
    Console(file=screen, width=40, force_terminal=True, color_system="standard").print(coloured(HEAD, ROWS))
    lines = screen.getvalue().splitlines()
    assert len(lines) == 3
    assert len(unstyle(lines[1])) <= 40
    assert "\x1b[32mready" in lines[1]
