"""What the package managers are asked for: the lines of [cerebrium.dependencies]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config import document
from proxy.errors import ConfigError

if TYPE_CHECKING:
    from proxy.config.app import AppConfig


def pip_lines(packages: Mapping[str, str]) -> list[str]:
    """One requirement for each entry of dependencies.pip, in the order of their names."""
    return sorted(_pip_line(name, version) for name, version in packages.items())


def exact_words(packages: Mapping[str, str]) -> list[str]:
    """One word for each entry of dependencies.apt or dependencies.conda, which both write `name=version`."""
    return sorted(_exact_word(name, version) for name, version in packages.items())


def listed_file(config: AppConfig, kind: str) -> Path | None:
    """The file that dependencies.paths names for pip, apt or conda; raises ConfigError if it is not there."""
    name = config.dependencies.paths.get(kind)
    if not name:
        return None
    path = config.folder / name
    if not path.is_file():
        raise ConfigError(
            f"{config.file}: dependencies.paths.{kind} names {name}, which is not a file; add or correct it"
        )
    return path


def listed_words(config: AppConfig, kind: str) -> list[str]:
    """The packages in that file, one to a line; `#` begins a comment. Raises ConfigError."""
    file = listed_file(config, kind)
    lines = document.read(file).splitlines() if file else []
    return [word for line in lines if (word := line.partition("#")[0].strip())]


def _pip_line(name: str, version: str) -> str:
    if _open(version):
        return name
    return f"{name}{version}" if version[0] in "<>=!~@" else f"{name}=={version}"


def _exact_word(name: str, version: str) -> str:
    if _open(version):
        return name
    return f"{name}{version}" if version[0] in "<>!~" else f"{name}={version.lstrip('=')}"


def _open(version: str) -> bool:
    return version in ("", "latest", "*")
