"""Which files of an app's folder belong to it: include and exclude, and a .dockerignore."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from proxy.errors import BuildError

Test = Callable[[str], bool]
_NEVER = ("__pycache__", "*/__pycache__")


def select(folder: Path, include: Sequence[str], exclude: Sequence[str], whole: bool = True) -> dict[str, Path]:
    """Path inside `folder` → file or symbolic link; raises BuildError for what cannot be read, if `whole`.

    As on the platform, `*` also matches "/", and every pattern is matched with the path from the folder on; one that
    matches a folder matches all that is in it.
    """
    included, excluded = _matcher(include), _matcher([*exclude, *_NEVER])
    return {path: folder / path for path in _walk(folder, excluded, whole) if included(path)}


def _matcher(patterns: Sequence[str]) -> Test:
    plain = [os.path.normpath(pattern.lstrip("/")) for pattern in patterns if pattern]
    plain = ["*" if pattern == "." else pattern for pattern in plain]  # the folder itself, and so all that is in it
    alternatives = [fnmatch.translate(form) for pattern in plain for form in (pattern, f"{pattern}/*")]
    found = re.compile("|".join(["(?!)", *alternatives]))
    return lambda path: found.match(path) is not None


def _walk(folder: Path, excluded: Test, whole: bool) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        raise BuildError(f"{error.filename} cannot be read for the image ({error.strerror}): mend or exclude it")

    for root, folders, files in os.walk(folder, onerror=unreadable if whole else None):
        inside = Path(root).relative_to(folder)
        paths = {name: (inside / name).as_posix() for name in (*folders, *files)}
        folders[:] = sorted(name for name in folders if not excluded(paths[name]))
        links = [name for name in folders if (folder / paths[name]).is_symlink()]
        for name in sorted([*files, *links]):
            file = folder / paths[name]
            if not excluded(paths[name]) and (file.is_file() or file.is_symlink()):
                yield paths[name]


def dockerignore(text: str, file: Path) -> Test:
    """Whether the .dockerignore with that text leaves a path out; the last line that matches decides.

    Raises BuildError.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    rules = [(line.lstrip("!"), line.startswith("!")) for line in map(str.strip, text.splitlines())]
    compiled = [
        (_ignore_pattern(pattern, file), kept) for pattern, kept in rules if pattern and not pattern.startswith("#")
    ]

    def ignored(path: str) -> bool:
        return next((not kept for rule, kept in reversed(compiled) if rule.match(path)), False)

    return ignored


def _ignore_pattern(pattern: str, file: Path) -> re.Pattern[str]:
    parts = os.path.normpath(pattern.strip().lstrip("/")).split("/")
    text = "/".join(_ignore_part(part) for part in parts).replace(".*/", "(?:.*/)?")
    try:
        return re.compile(rf"{text}(?:/.*)?\Z", re.DOTALL)
    except re.error as error:  # such as [z-a]
        raise BuildError(f'{file}: "{pattern}" is no pattern ({error.msg}): correct it') from None


def _ignore_part(part: str) -> str:
    if part == "**":
        return ".*"
    words = {"*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(piece) or _literal(piece) for piece in re.findall(r"\[[^\]]+\]|\\.|.", part))


def _literal(piece: str) -> str:
    if len(piece) > 1 and piece.startswith("["):
        return piece
    return re.escape(piece[-1])
