"""The demand of past weeks on disk, so that a restart does not forget it; its failures cost a warning, no more."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from proxy.core.autoscaler.history import MINUTES, Minute

log = logging.getLogger("tidegate.history")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS minutes (
    app TEXT NOT NULL, at INTEGER NOT NULL, demand REAL NOT NULL, requests INTEGER NOT NULL, PRIMARY KEY (app, at)
) WITHOUT ROWID
"""
# Another `tidegate up` may be writing to the same file.
_LOCK_SECONDS = 10.0
_DAY = 24 * 60

Result = TypeVar("Result")


class HistoryFile:
    """One SQLite file for all apps; holds four weeks of each. Its methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failing = False

    def read(self, app: str, now: int) -> list[Minute]:
        """What is known of the app before the minute `now`; empty if the file cannot be read."""

        def work(database: sqlite3.Connection) -> list[Minute]:
            database.execute("DELETE FROM minutes WHERE at < ? OR at > ?", (now - MINUTES, now + _DAY))
            rows = database.execute("SELECT at, demand, requests FROM minutes WHERE app = ? AND at < ?", (app, now))
            return [Minute(*row) for row in rows]

        return self._with_database(work) or []

    def write(self, app: str, minutes: Sequence[Minute]) -> bool:
        """Add these and drop what is too old; false if they could not be kept."""

        def work(database: sqlite3.Connection) -> bool:
            rows = [(app, *minute) for minute in minutes]
            database.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?, ?, ?)", rows)
            database.execute("DELETE FROM minutes WHERE app = ? AND at < ?", (app, minutes[-1].at - MINUTES))
            return True

        return self._with_database(work) or False

    def _with_database(self, work: Callable[[sqlite3.Connection], Result]) -> Result | None:
        try:
            result = self._healed(work)
        except (sqlite3.Error, OSError) as error:
            if not self._failing:
                log.warning("%s: %s: until this is mended, forecasts are forgotten at a restart", self._path, error)
            self._failing = True
            return None
        if self._failing:
            log.info("%s: is kept again", self._path)
        self._failing = False
        return result

    def _healed(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return self._opened(work)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # those below it are about the disk and locks
                raise
            aside = self._path.with_name(self._path.name + ".corrupt")
            self._path.replace(aside)
            log.warning("%s: %s: it is now %s, and a new history begins", self._path, error, aside.name)
            return self._opened(work)

    def _opened(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_LOCK_SECONDS)) as database, database:
            database.execute(_SCHEMA)
            return work(database)
