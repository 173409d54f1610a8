"""Tables: with colours and fitted to the width on a terminal, in plain columns for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

Row = Sequence[str]

COLOURS = {"ready": "green", "starting": "blue", "unready": "yellow", "draining": "magenta", "failed": "bold red"}


def show(head: Row, rows: Iterable[Row]) -> None:
    """Print a table in the form that suits stdout."""
    if sys.stdout.isatty():
        from rich.console import Console  # only here: it takes a while to load

        Console(highlight=False).print(coloured(head, rows))
    else:
        for line in columns(head, rows):
            typer.echo(line)


def columns(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """One line a row, every cell whole."""
    cells = [head, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def coloured(head: Row, rows: Iterable[Row]) -> Table:
    """The last column gives way where the terminal is narrow."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    body = list(rows)
    for name, *cells in zip(head, *body, strict=True):
        widest = 0 if name == head[-1] else max(map(len, (name, *cells)))
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=widest)
    for row in body:
        table.add_row(*(Text(cell, COLOURS.get(cell, "")) for cell in row))
    return table
