"""Files that may change while they are used: keys, certificates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from proxy.errors import UserError

LOOK_SECONDS = 0.4

log = logging.getLogger("tidegate")

_Stamp = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """Calls `load`, which raises UserError, when one of `files` is another than at the last look.

    Of several files one is written first: what cannot be loaded is tried once more at the next look before it is
    warned of, and then left alone until it changes again. Whoever loads keeps the old until then.
    """

    def __init__(self, files: Sequence[Path], load: Callable[[], None]) -> None:
        self._files = files
        self._load = load
        self._known = self._stamp()
        self._broken: _Stamp | None = None

    def look(self) -> None:
        stamp = self._stamp()
        if stamp == self._known:
            return
        try:
            self._load()
        except UserError as error:
            if stamp == self._broken:
                self._known = stamp
                log.warning("%s; what was read before stays in use", error)
            self._broken = stamp
        else:
            self._known = stamp
            self._broken = None
            log.info("%s: read again", " and ".join(map(str, self._files)))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _stamp(self) -> _Stamp:
        return tuple(map(_stamp_of, self._files))


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    """None if there is none; follows links, as those of certificates are moved to the new one."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
