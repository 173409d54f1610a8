"""docs/benchmarks.md: each part's figures stand between two markers of their own."""

from __future__ import annotations

import re
from pathlib import Path

from bench.failure import BenchError

FILE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def write(part: str, text: str) -> None:
    """Replace what stands between `<!-- part -->` and `<!-- /part -->`. Raises BenchError if there is no such place."""
    begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    document = FILE.read_text() if FILE.exists() else ""
    place = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if not place.search(document):
        raise BenchError(f"{FILE} has no place for the figures: add the lines {begin} and {end}")
    FILE.write_text(place.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document, count=1))
