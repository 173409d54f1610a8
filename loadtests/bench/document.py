"""Documents with figures, docs/benchmarks.md above all: each part's figures stand between two markers of their own."""

from __future__ import annotations

import re
from pathlib import Path

from bench.failure import BenchError

FILE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def write(part: str, text: str, file: Path = FILE) -> None:
    """Replace what stands between `<!-- part -->` and `<!-- /part -->`. Raises BenchError if there is no such place."""
    begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    document = file.read_text() if file.exists() else ""
    place = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if not place.search(document):
        raise BenchError(f"{file} has no place for the figures: add the lines {begin} and {end}")
    file.write_text(place.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document, count=1))
