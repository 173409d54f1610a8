"""A coroutine in a context of its own, inside of a task that has more to do than that."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import copy_context


class Apart:
    """To be awaited once: what the coroutine sets (contextvars) is unknown outside of it, as if it were a task."""

    def __init__(self, coroutine: Coroutine[object, object, None]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[object, object, None]:
        coroutine, run = self._coroutine, copy_context().run
        given: object = None
        try:
            waited = run(coroutine.send, given)
            while True:
                try:
                    given = yield waited
                except BaseException as error:
                    waited = run(coroutine.throw, error)
                else:
                    waited = run(coroutine.send, given)
        except StopIteration:
            return
