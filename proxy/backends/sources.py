"""The files that a process replica is made from: when they change, it is not like a new one any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.packages import listed_file
from proxy.images.selection import select

if TYPE_CHECKING:
    from proxy.config import AppConfig


def sources(config: AppConfig) -> list[Path]:
    """Of the app's files the *.py, those that the entrypoint names, and with `install` the list of requirements.

    Not the others: what a server writes into its folder, or reads from it at every request, must not replace it.
    What cannot be read is left out: whether that is a mistake, the server knows. Raises ConfigError.
    """
    files = select(config.folder, config.deployment.include, config.deployment.exclude, whole=False)
    environments = tuple(f"{path.parent}/" for path in files.values() if path.name == "pyvenv.cfg")
    found = {
        path for path in files.values() if path.suffix == ".py" and not str(path).startswith(environments)
    }  # what a virtual environment holds is not the app's
    return sorted(found.union(_named(config)))


def contents(config: AppConfig) -> Iterator[bytes]:
    """Name and content of each; raises ConfigError."""
    for path in sources(config):
        yield str(path.relative_to(config.folder) if path.is_relative_to(config.folder) else path).encode()
        try:
            yield path.read_bytes()
        except OSError:
            yield b""


def _named(config: AppConfig) -> Iterator[Path]:
    for word in (config.custom.entrypoint or ()) if config.custom else ():
        path = config.folder / word
        if path.is_file() and path.is_relative_to(config.folder) and ".." not in path.parts:
            yield path
    listed = listed_file(config, "pip") if config.process.install else None
    if listed is not None:
        yield listed
