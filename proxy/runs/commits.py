"""Changes of a database that are promised: on the disk before anybody hears of them."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

Change = Callable[[sqlite3.Connection], object]


class Pending:
    """One change until it is made, or cannot be."""

    __slots__ = ("change", "done", "error")

    def __init__(self, change: Change) -> None:
        self.change = change
        self.done = False
        self.error: Exception | None = None


class Commits:
    """Those that wait at the same time share one commit, for each takes as long as the disk does (milliseconds).

    `announce` may be called in any thread, `complete` in that of the database only.
    """

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()

    def announce(self, change: Change) -> Pending:
        pending = Pending(change)
        self._waiting.append(pending)
        return pending

    def complete(self, pending: Pending, database: sqlite3.Connection) -> None:
        """Return when it is on the disk; raises what `change` or SQLite raises if it cannot be."""
        if not pending.done:
            self._commit([self._waiting.popleft() for _ in range(len(self._waiting))], database)
        if pending.error is not None:
            raise pending.error

    def _commit(self, several: Sequence[Pending], database: sqlite3.Connection) -> None:
        try:
            with database:
                for pending in several:
                    pending.change(database)
        except Exception as error:  # of whoever asked for the change: raised there
            if len(several) == 1:
                several[0].error = error
            else:  # what one of them cannot have, the others may
                for pending in several:
                    self._commit([pending], database)
        for pending in several:
            pending.done = True
