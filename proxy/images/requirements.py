"""What pip is given in a build: dependencies.pip, and the file of dependencies.paths with the files that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.packages import listed_file, pip_lines
from proxy.errors import BuildError

if TYPE_CHECKING:
    from proxy.config import AppConfig

_FILES = "files"
_OTHER_FILE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")


def requirement_parts(config: AppConfig) -> dict[str, Path | bytes]:
    """Name → content: requirements.txt, and the app's own files below files/; raises BuildError, ConfigError."""
    listed = listed_file(config, "pip")
    lines = pip_lines(config.dependencies.pip)
    if listed is None:
        return {"requirements.txt": _text(lines)}
    found = _with_those_it_names(config, listed.resolve(), set())
    first = listed.resolve().relative_to(config.folder.resolve()).as_posix()
    return {
        "requirements.txt": _text([f"-r {_FILES}/{first}", *lines]),
        **{f"{_FILES}/{name}": file for name, file in found.items()},
    }


def _with_those_it_names(config: AppConfig, file: Path, seen: set[Path]) -> dict[str, Path]:
    folder = config.folder.resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise BuildError(f"{config.file}: dependencies.paths.pip needs {file}, which is no file of the app: correct it")
    seen.add(file)
    found = {file.relative_to(folder).as_posix(): file}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():  # its encoding is pip's to know
        match = _OTHER_FILE.match(line)
        if match and "://" not in match[1] and (other := (file.parent / match[1]).resolve()) not in seen:
            found |= _with_those_it_names(config, other, seen)
    return found


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
