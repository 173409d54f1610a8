"""Which containers of an app there are, kept true by the engine's events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Mapping
from datetime import datetime
from typing import Any

from aiodocker import Docker
from aiodocker.containers import DockerContainer

from proxy.backends.docker.container import Container
from proxy.engine.connection import engine_errors
from proxy.errors import EngineError

log = logging.getLogger("tidegate.docker")

_RETRY_SECONDS = 0.5


class Roster:
    """Owns the containers of one app by their ids; `labels` are those by which the engine finds them."""

    def __init__(self, docker: Docker, labels: Mapping[str, str], tasks: asyncio.TaskGroup) -> None:
        self._docker = docker
        self._filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
        self._tasks = tasks
        self._containers: dict[str, Container] = {}
        self._following: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Container]:
        return iter(tuple(self._containers.values()))

    def add(self, container: Container) -> None:
        self._containers[container.id] = container

    def remove(self, container: Container) -> None:
        self._containers.pop(container.id, None)

    async def listed(self) -> list[DockerContainer]:
        """Every container of the app, also those that do not run; raises DockerError."""
        return await self._docker.containers.list(all=True, filters=self._filters)

    @property
    def followed(self) -> bool:
        return self._following is not None

    def start(self) -> None:
        """Follow them from now on, until `stop`."""
        self._following = self._tasks.create_task(self.follow())

    def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def follow(self) -> None:
        """Hear what happens to them, for as long as the proxy runs; an engine that restarts is asked anew."""
        heard_of = True
        while True:
            try:
                with engine_errors("tell of its containers"):
                    await self._listen()
                heard_of = True
            except EngineError as error:
                if heard_of:
                    log.error("%s", error)
                heard_of = False
            except Exception:  # a mistake of ours here must not end the proxy
                log.exception("events of the Docker Engine")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        """Until the engine closes the stream; what happens during the inspection is told twice rather than never."""
        since = _seconds((await self._docker.system.info())["SystemTime"])
        heard = self._docker.events.subscribe(create_task=False)  # type: ignore[no-untyped-call]  # aiodocker's gap
        filters = {"type": ["container"], **self._filters}
        reading = self._tasks.create_task(self._read(since, filters))
        try:
            await self._inspect()
            while (event := await heard.get()) is not None:
                self._happened(event)
        finally:
            reading.cancel()

    async def _read(self, since: int, filters: Mapping[str, list[str]]) -> None:
        try:
            with engine_errors("tell of its containers"):
                await self._docker.events.run(since=since, filters=filters)
        except EngineError:
            return  # whoever subscribed is told that the stream has ended
        except Exception:  # what cannot be read must not end the proxy
            log.exception("events of the Docker Engine")

    async def _inspect(self) -> None:
        """What happened while nobody listened."""
        known = tuple(self)  # what is created while the engine answers may not be in its answer
        there = {one.id: one["State"] for one in await self.listed()}
        for container in known:
            state = there.get(container.id)
            if state is None:
                container.vanished()
            elif not container.starting:
                self._compare(container, state)

    def _compare(self, container: Container, state: str) -> None:
        """`state` is the engine's word for it: https://docs.docker.com/reference/api/engine/."""
        self._spawn(container.tell_again())
        if state in {"running", "paused"}:
            container.paused(state == "paused")
            container.transcript.follow(container.id, past=False)
        else:
            self._spawn(container.end())

    def _happened(self, event: Mapping[str, Any]) -> None:
        container = self._containers.get(event["Actor"]["ID"])
        if container is None:
            return
        match event["Action"]:
            case "die":
                self._spawn(container.end())
            case "oom":
                container.out_of_memory()
            case "pause" | "unpause" as action:
                container.paused(action == "pause")

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        self._tasks.create_task(self._guarded(doing))

    async def _guarded(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            await doing
        except Exception:  # a mistake of ours with one container must not end the proxy
            log.exception("a container of the Docker Engine")


def _seconds(moment: str) -> int:
    """The engine's clock as the API takes it back: it may not be this machine's."""
    return int(datetime.fromisoformat(moment).timestamp())
