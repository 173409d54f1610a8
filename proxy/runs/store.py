"""The runs that clients may still ask for, in SQLite: theirs was promised to be there later."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import orjson

from proxy.runs.answer import Answer
from proxy.runs.commits import Change, Commits

T = TypeVar("T")

KEEP_RUNS = 1000  # of one app
KEEP_HOURS = 24
KEEP_BYTES = 1 << 30  # of all answers
# A run that has not ended may take two times the longest response_grace_period: in the queue and at a replica.
LONGEST_RUN_HOURS = 24

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, owner TEXT NOT NULL, created TEXT NOT NULL,
    ended TEXT, status INTEGER, media_type TEXT, body BLOB, size INTEGER NOT NULL DEFAULT 0, webhook TEXT
);
CREATE INDEX IF NOT EXISTS runs_by_app ON runs (app, ended);
"""
_BEGIN = "INSERT INTO runs (id, app, owner, created) VALUES (?, ?, ?, ?)"
_ENDED = "UPDATE runs SET ended = ?, status = ?, media_type = ?, body = ?, size = ? WHERE id = ?"
_POSTED = "UPDATE runs SET webhook = ? WHERE id = ?"
_TOO_MANY = """
DELETE FROM runs WHERE id IN
    (SELECT id FROM runs WHERE app = ? AND ended IS NOT NULL ORDER BY ended DESC LIMIT -1 OFFSET ?)
"""
_TOO_LARGE = """
DELETE FROM runs WHERE id IN (SELECT id FROM
    (SELECT id, SUM(size) OVER (ORDER BY ended DESC, id) AS total FROM runs WHERE ended IS NOT NULL) WHERE total > ?)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One run as it is kept; `alive`: the process that took it still works on it, if it has not ended."""

    id: str
    created: str
    ended: str | None
    answer: Answer | None
    webhook: dict[str, object] | None
    alive: bool

    def view(self) -> dict[str, object]:
        """What GET /runs/{run_id} answers."""
        known: dict[str, object] = {"run_id": self.id, "status": self._status(), "created_at": self.created}
        if self.answer is not None:
            known |= {"ended_at": self.ended, "status_code": self.answer.status, **self.answer.view(self.id)}
        elif not self.alive:
            known["error"] = {"type": "interrupted", "message": "the proxy was killed, or could not keep the answer"}
        return known if self.webhook is None else known | {"webhook": self.webhook}

    def _status(self) -> str:
        if self.answer is None:
            return "running" if self.alive else "failed"
        return "completed" if self.answer.status < 400 else "failed"


class Store:
    """One file for all proxies of a user; all of it happens in one thread, for the disk may be slow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = secrets.token_hex(8)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runs")
        self._commits = Commits()
        self._lock: int | None = None
        self._present: set[str] = set()  # begun by us, and not over

    async def open(self) -> None:
        """Raises OSError or sqlite3.Error."""
        try:
            await self._do(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    async def begin(self, run_id: str, app: str) -> None:
        self._present.add(run_id)
        values = (run_id, app, self._owner, _text(datetime.now(UTC)))
        await self._write(lambda database: database.execute(_BEGIN, values))

    async def end(self, run_id: str, app: str, answer: Answer) -> None:
        """Keep the answer, and forget those that are too old or too many."""
        await self._write(lambda database: _end(database, run_id, app, answer))

    def over(self, run_id: str) -> None:
        """Nobody works on it any more; without an answer by now it has none."""
        self._present.discard(run_id)

    async def posted(self, run_id: str, webhook: dict[str, object]) -> None:
        values = (orjson.dumps(webhook).decode(), run_id)
        await self._write(lambda database: database.execute(_POSTED, values))

    async def find(self, run_id: str, app: str) -> Row | None:
        return await self._do(lambda: self._find(run_id, app))

    async def close(self) -> None:
        await self._do(self._close)
        self._thread.shutdown()

    async def _do(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _write(self, change: Change) -> None:
        pending = self._commits.announce(change)
        await self._do(lambda: self._commits.complete(pending, self._database))

    # In the thread

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._folder.glob("runs-*.lock"):
            _holds(left)
        while not self._locked():
            self._unlock()
        try:
            file = self._folder / "runs.sqlite"
            file.touch(mode=0o600)  # answers are nobody else's to read
            self._database = sqlite3.connect(file, timeout=10)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")  # what was promised outlives a power cut
            self._database.executescript(_SCHEMA)
        except BaseException:
            self._unlock()
            raise

    def _find(self, run_id: str, app: str) -> Row | None:
        found = self._database.execute(
            "SELECT owner, created, ended, status, media_type, body, webhook FROM runs WHERE id = ? AND app = ?",
            (run_id, app),
        ).fetchone()
        if found is None:
            return None
        owner, created, ended, status, media_type, body, webhook = found
        answer = Answer(status, media_type, body) if ended else None
        return Row(
            run_id, created, ended, answer, orjson.loads(webhook) if webhook else None, self._alive(owner, run_id)
        )

    def _alive(self, owner: str, run_id: str) -> bool:
        """Its process holds a lock as long as it lives, however it ends; a process id may be another's by now."""
        if owner == self._owner:
            return run_id in self._present
        return _holds(self._lock_file(owner))

    def _locked(self) -> bool:
        """Whether what is locked is still the file of that name: another proxy may just have removed it as left."""
        file = self._lock_file(self._owner)
        self._lock = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            return os.path.samestat(os.fstat(self._lock), file.stat())
        except FileNotFoundError:
            return False

    def _lock_file(self, owner: str) -> Path:
        return self._folder / f"runs-{owner}.lock"

    def _close(self) -> None:
        self._database.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock_file(self._owner).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def _holds(file: Path) -> bool:
    """Whether a process that lives holds that lock; the file goes if none does."""
    try:
        lock = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        file.unlink(missing_ok=True)
        return False
    finally:
        os.close(lock)


def _end(database: sqlite3.Connection, run_id: str, app: str, answer: Answer) -> None:
    now = datetime.now(UTC)
    database.execute(_ENDED, (_text(now), answer.status, answer.media_type, answer.body, len(answer.body), run_id))
    oldest, longest = now - timedelta(hours=KEEP_HOURS), now - timedelta(hours=KEEP_HOURS + LONGEST_RUN_HOURS)
    database.execute("DELETE FROM runs WHERE ended < ? OR created < ?", (_text(oldest), _text(longest)))
    database.execute(_TOO_MANY, (app, KEEP_RUNS))
    database.execute(_TOO_LARGE, (KEEP_BYTES,))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
