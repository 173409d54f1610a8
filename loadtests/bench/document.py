"""Documents with figures, docs/benchmarks.md above all: each part's figures stand between two markers of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bench.failure import BenchError

PLACE = re.compile(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", re.DOTALL)


def write(part: str, text: str, file: Path) -> None:
    """Replace what stands between `<!-- part -->` and `<!-- /part -->`. Raises BenchError if there is no such place."""
    document = file.read_text() if file.exists() else ""
    if part not in places(document):
        raise BenchError(f"{file} has no place for the figures: add the lines <!-- {part} --> and <!-- /{part} -->")
    file.write_text(filled(document, lambda name: text if name == part else None))


def places(document: str) -> list[str]:
    """The parts that have a place, in their order."""
    return [found[1] for found in PLACE.finditer(document)]


def filled(document: str, text_of: Callable[[str], str | None]) -> str:
    """The document with new text in every place; None leaves the text that stands there."""

    def place(found: re.Match[str]) -> str:
        text = text_of(found[1])
        return found[0] if text is None else f"<!-- {found[1]} -->\n\n{text}\n\n<!-- /{found[1]} -->"

    return PLACE.sub(place, document)
