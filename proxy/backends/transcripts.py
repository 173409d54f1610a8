"""What replicas print, kept in bounded files: one per replica, also after it is gone."""

from __future__ import annotations

import asyncio
import errno
import heapq
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

from proxy.backends.follower import Follower, Line

log = logging.getLogger("tidegate.transcripts")

# One file and the one before it: a replica keeps between one and two of these.
FILE_BYTES = 1 << 20
REPLICAS_KEPT = 50  # of an app, beside those that live: those that printed last
_FLUSH_SECONDS = 1.0
_LINES_AT_ONCE = 10_000  # more than a file holds of usual ones
_PENDING_LINES = 1000
_USUAL_LINE_BYTES = 256
_MOST_AT_ONCE_BYTES = _LINES_AT_ONCE * 8192  # what may come on top of a file before it is put aside


# By app and replica.
Pending = dict[tuple[str, str], list[Line]]


class Transcripts(logging.Handler):
    """Takes the records of `tidegate.replica`; `run` writes them below `folder`, in threads, off the request path.

    What cannot be written is kept in memory, the last 1000 lines of a replica, and a warning tells why. `living` names
    the replicas of an app whose files have to stay.
    """

    def __init__(self, folder: Path, living: Callable[[str], Iterable[str]] = lambda _: ()) -> None:
        super().__init__()
        self._folder = folder
        self._living = living
        self._pending: Pending = {}
        self._followers: set[Follower] = set()
        self._writing = asyncio.Lock()
        self._failing = False

    def emit(self, record: logging.LogRecord) -> None:
        app, replica = getattr(record, "app", ""), getattr(record, "replica", "")
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = Line(at, replica, record.getMessage())
        pending = self._pending.setdefault((app, replica), [])
        pending.append(line)
        del pending[:-_LINES_AT_ONCE]
        for follower in self._followers:
            follower.offer(app, line)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.keep()

    async def keep(self) -> None:
        """Write what has come since the last time; what cannot be written stays pending."""
        async with self._writing:
            taken, self._pending = self._pending, {}
            if not taken:
                return
            living = {app: frozenset(self._living(app)) for app, _ in taken}
            failed = await asyncio.to_thread(self._write, taken, living)
            for key, lines in failed.items():
                self._pending[key] = [*lines, *self._pending.get(key, ())][-_PENDING_LINES:]

    async def read(self, app: str, replica: str | None, count: int) -> list[Line]:
        """The last `count` lines of an app, or of one of its replicas, the oldest first."""
        await self.keep()
        kept = await asyncio.to_thread(self._tails, app, replica, count)
        pending = [
            lines for (of, one), lines in self._pending.items() if of == app and replica in {None, one}
        ]  # only where files cannot be written
        return list(heapq.merge(*kept, *pending, key=attrgetter("at")))[-count:]

    async def replicas(self, app: str) -> list[str]:
        """The ids of those of which there are lines, the one that printed last before the others."""
        files = await asyncio.to_thread(self._files, app)
        kept = [file.stem for file in files]
        return [*(one for of, one in self._pending if of == app and one not in kept), *kept]

    @contextmanager
    def follow(self, app: str, replica: str | None) -> Iterator[Follower]:
        follower = Follower(app, replica)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def end_followers(self) -> None:
        for follower in self._followers:
            follower.end()

    # In threads

    def _write(self, taken: Pending, living: Mapping[str, frozenset[str]]) -> Pending:
        """Append to the files; returns what could not be written."""
        failed: Pending = {}
        for (app, replica), lines in taken.items():
            try:
                if self._append(self._folder / app / f"{replica}.log", lines):
                    self._forget_oldest(app, living[app])
            except OSError as error:
                failed[app, replica] = lines
                if not self._failing:
                    log.warning("%s: %s: until this is mended, the output of replicas is not kept", self._folder, error)
        if self._failing and not failed:
            log.info("%s: the output of replicas is kept again", self._folder)
        self._failing = bool(failed)
        return failed

    def _append(self, path: Path, lines: Sequence[Line]) -> bool:
        """True if it is a new file."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = "".join(f"{line.at} {line.text}\n" for line in lines).encode(errors="replace")
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                if file.write(data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(size)  # it is all written again, once it can be
                raise
        if size + len(data) > FILE_BYTES:
            path.replace(_older(path))
        return not size

    def _forget_oldest(self, app: str, living: frozenset[str]) -> None:
        gone = [path for path in self._files(app) if path.stem not in living]
        for path in gone[REPLICAS_KEPT:]:
            path.unlink(missing_ok=True)
            _older(path).unlink(missing_ok=True)

    def _files(self, app: str) -> list[Path]:
        """One path a replica, the newest first; where it has just been put aside, there is no such file yet."""
        times: dict[Path, float] = {}
        for path in (self._folder / app).glob("*.log*"):
            named = path.with_name(path.name.removesuffix(".1"))
            times[named] = max(times.get(named, 0.0), _changed_at(path))
        return sorted(times, key=lambda path: -times[path])

    def _tails(self, app: str, replica: str | None, count: int) -> list[list[Line]]:
        return [_tail(path, count) for path in self._files(app) if replica in {None, path.stem}]


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another proxy has just removed it
        return 0.0


def _tail(path: Path, count: int) -> list[Line]:
    """The last lines of a replica's file, and of the one before it; no more is read than that takes."""
    for size in (count * _USUAL_LINE_BYTES, 2 * FILE_BYTES + _MOST_AT_ONCE_BYTES):
        data = _end(path, size)
        if len(data) < size:
            data = _end(_older(path), size - len(data)) + data
        rows = data.split(b"\n")[:-1]
        if len(data) == size:
            del rows[:1]  # it may have begun before
        if len(rows) >= count or len(data) < size:
            break
    parts = [row.decode(errors="replace").partition(" ") for row in rows[-count:]]
    return [Line(at, path.stem, text) for at, _, text in parts]


def _end(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read(size)
    except OSError:  # not there, or not ours to read
        return b""
