"""What a backend does once before the first replica of an app: install, pull."""

from __future__ import annotations

import asyncio

from proxy.backends.base import Backend
from proxy.errors import StartError


class Preparation:
    """Owns the task that prepares: a waiting replica that is not wanted any more must not end it for the others."""

    def __init__(self, backend: Backend, tasks: asyncio.TaskGroup) -> None:
        self._backend = backend
        self._tasks = tasks
        self._task: asyncio.Task[StartError | None] | None = None

    async def done(self) -> None:
        """Begin it if need be, and wait for it; raises StartError, after which the next who asks tries again."""
        if self._task is None:
            self._task = self._tasks.create_task(self._run())
        error = await asyncio.shield(self._task)
        if error is not None:
            raise StartError(str(error))

    async def close(self) -> None:
        """Call it off: nothing will be started any more."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> StartError | None:
        try:
            await self._backend.prepare()
        except StartError as error:
            self._task = None
            return error
        return None
