"""Whether the files that apps are made from have changed, asked once a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from proxy.backends.sources import sources
from proxy.config import AppConfig
from proxy.errors import UserError
from proxy.images.selection import select

log = logging.getLogger("tidegate.reload")

LOOK_SECONDS = 1.0

# Of each file when it was changed and how long it is.
Look = dict[Path, tuple[int, int]]


class Watched(Protocol):
    """An app, by the settings that it has now."""

    config: AppConfig
    backend_name: str


class FileWatch:
    """Calls `changed` once what was changed has stayed as it is for a second: an editor may write several files."""

    def __init__(self, apps: Sequence[Watched], changed: Callable[[], None]) -> None:
        self._apps = apps
        self._changed = changed
        self._known: Look | None = None
        self._before: Look | None = None

    async def run(self) -> None:
        while True:
            apps = [(app.config, app.backend_name) for app in self._apps]
            try:
                self.note(await asyncio.to_thread(look, apps))
            except Exception:  # a mistake of ours in looking at files does not end the serving
                log.exception("the files of the apps cannot be watched")
            await asyncio.sleep(LOOK_SECONDS)

    def note(self, seen: Look) -> None:
        """One look; the first is what there was from the beginning."""
        if self._known is None:
            self._known = seen
        elif seen != self._known and seen == self._before:
            self._known = seen
            self._changed()
        self._before = seen


def look(apps: Iterable[tuple[AppConfig, str]]) -> Look:
    """The state of every file that replicas, or the images of those in containers, are made from."""
    found: Look = {}
    for path in (path for config, backend in apps for path in _files(config, backend)):
        try:
            known = path.stat()
        except OSError:  # it has just gone, which is a change
            continue
        found[path] = (known.st_mtime_ns, known.st_size)
    return found


def _files(config: AppConfig, backend: str) -> Iterator[Path]:
    yield config.file
    if config.env_file is not None:
        yield config.env_file
    if backend == "static" or (backend == "docker" and config.docker.image):
        return
    try:
        if backend == "docker":
            yield from select(config.folder, config.deployment.include, config.deployment.exclude).values()
            yield config.folder / ((config.custom and config.custom.dockerfile_path) or config.file.name)
        yield from sources(config)
    except UserError:  # what cannot be read is said by the reload
        return
