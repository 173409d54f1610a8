"""A table of figures, as Markdown that can also be read as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """`note` says in one line how the figures were made."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str

    def markdown(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
        texts.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
        return "\n".join(texts) + f"\n\n{self.note}"


def figure(value: float) -> str:
    """Three digits that matter, and thousands apart."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def ratio(value: float, base: float | None) -> str:
    return f"{value / base:.2f}" if base else "–"
