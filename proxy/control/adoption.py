"""What an earlier proxy left running: taken over before anything is started, so that it is not started again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from proxy.backends.base import Found
from proxy.control.lifecycle import Lifecycle
from proxy.errors import StartError

log = logging.getLogger("tidegate.lifecycle")


class Adoption:
    """Asks the backend until it can tell, with pauses as between crashes; `wake`: other settings may help it."""

    def __init__(self, app: str, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._woken = asyncio.Event()
        self.wake = self._woken.set

    async def run(self) -> None:
        while (found := await self._found()) is None:
            await self._pause()
        for one in found:
            self._lifecycle.take_over(one, time.monotonic())

    async def _found(self) -> Sequence[Found] | None:
        self._woken.clear()
        revision, began = self._lifecycle.revision, time.monotonic()
        try:
            found = await revision.backend.find()
        except StartError as error:
            log.error("%s: %s", self._app, error)
            if revision is self._lifecycle.revision:  # of a later one it says nothing
                revision.recovery.stuck(str(error), began, time.monotonic())
            return None
        self._lifecycle.recovery.unstuck(time.monotonic())
        if revision is self._lifecycle.revision:
            return found
        return [replace(one, current=False) for one in found]  # like those of a revision that is over

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lifecycle.recovery.pause_seconds(time.monotonic())):
                await self._woken.wait()
