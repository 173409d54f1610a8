"""tidegate.env_file: lines of KEY=VALUE."""

from __future__ import annotations

import re
from pathlib import Path

LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*=\s*
        (?:'(?P<literal>[^']*)' | "(?P<escaped>(?:[^"\\]|\\.)*)" | (?!['"])(?P<plain>.*?))
        \s*(?:(?<=\s)\#.*)?""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(file: Path) -> dict[str, str]:
    """Names and values; raises ValueError with what `file` must do, and never shows a value."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"must name a file that can be read: {file}: {reason}") from error
    return dict(_pair(line, f"{file}, line {number}") for number, line in enumerate(lines, 1) if _counts(line))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _pair(line: str, place: str) -> tuple[str, str]:
    found = LINE.fullmatch(line)
    if not found or "\0" in line:
        raise ValueError(f"must have lines of KEY=VALUE, quotes closed on the same line, unlike {place}")
    name, literal, escaped, plain = found.group("name", "literal", "escaped", "plain")
    if escaped is not None:
        return name, re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), escaped)
    return name, plain if literal is None else literal
