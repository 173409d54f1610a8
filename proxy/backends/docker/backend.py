"""The docker backend: replicas are containers of this machine's Docker Engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from aiodocker import Docker, DockerError
from aiodocker.containers import DockerContainer

from proxy.backends.base import Consumption, Found, Handle
from proxy.backends.docker.claim import Claim
from proxy.backends.docker.container import GONE, Container
from proxy.backends.docker.creation import create
from proxy.backends.docker.definition import Document, Plan
from proxy.backends.docker.gpus import GPUS, LABEL, assign_gpus, check_gpus
from proxy.backends.docker.image import Image
from proxy.backends.docker.roster import Roster
from proxy.backends.docker.site import Site, locate
from proxy.backends.docker.transcript import Transcript
from proxy.backends.output import Output
from proxy.backends.ports import PORTS
from proxy.backends.secrets import Secrets
from proxy.engine.connection import connect, engine_errors
from proxy.errors import EngineError, StartError, UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig

log = logging.getLogger("tidegate.docker")


class DockerBackend:
    """Owns one app's containers, and those that an earlier proxy left of it."""

    restarts = True
    outlives = True

    def __init__(self, config: AppConfig, tasks: asyncio.TaskGroup) -> None:
        self._config = config
        self._secrets = Secrets(config.env)
        self._tasks = tasks
        self._claim = Claim(config.name, config.file)
        self._image = Image(config)
        self._docker: Docker | None = None
        self._site: Site | None = None

    async def check(self) -> None:
        """Raise UserError if the engine is not there or not ours to use, or has not the GPUs that are asked for."""
        self._claim.take()
        await self._open()
        if self._site is None:  # of a revised one, which may want another network
            with engine_errors("say where the proxy is"):
                self._site = await locate(self._engine, self._config.docker.network)
        self._image.check()
        await check_gpus(self._config)

    async def find(self) -> Sequence[Found]:
        with self._start_errors("list the containers of the app"):
            await self._open()
            await self._image.prepare(self._engine)
            if self._roster.followed:
                return ()
            inspections = [await self._inspected(one) for one in await self._roster.listed()]
            found = [self._take_over(one, self._plan().digest()) for one in inspections if one is not None]
            self._roster.start()
            return found

    async def prepare(self) -> None:
        with self._start_errors("get the image of the app"):
            await self._open()
            await self._image.prepare(self._engine)

    async def identity(self) -> str:
        return f"docker {self._plan().digest()} {self._image.id}"

    def revise(self, config: AppConfig) -> DockerBackend:
        revised = copy(self)
        revised._config, revised._image, revised._site = config, Image(config), None
        return revised

    async def start(self, replica_id: str) -> Container:
        began = time.monotonic()
        with self._start_errors("create a container"):
            plan, devices = self._plan(), await assign_gpus(self._config, self._engine)
            port = plan.port
            try:
                port = PORTS.take() if plan.on_host else port
                document = plan.named(replica_id, port, devices)
                created = await create(self._engine, f"tidegate-{replica_id}", document)
            except BaseException:  # also when cancelled
                self._release(port, devices)
                raise
        container = self._enrol(created, replica_id, port, devices)
        container.create_seconds = time.monotonic() - began
        try:
            with self._start_errors("start a container"):
                await container.start()
                await self._locate(container, port)
        except BaseException:  # also when cancelled: nothing that was created may stay
            await container.kill()
            raise
        return container

    async def consumption(self, handles: Mapping[str, Handle]) -> Mapping[str, Consumption]:
        containers = {key: handle for key, handle in handles.items() if isinstance(handle, Container)}
        asked = await asyncio.gather(*(container.consumption() for container in containers.values()))
        return {key: consumed for key, consumed in zip(containers, asked, strict=True) if consumed is not None}

    async def close(self, keep: bool = False) -> None:
        """Remove whatever still bears the app's labels, unless `keep`."""
        if self._docker is not None:
            await self._leave(keep)
            await self._docker.close()
            self._docker = None
        self._claim.release()

    async def _leave(self, keep: bool) -> None:
        for container in self._roster:
            container.transcript.close()
        if self._roster.followed:  # else nothing was started or taken over
            self._roster.stop()
            if not keep:
                await self._sweep()

    # The engine

    @property
    def _engine(self) -> Docker:
        assert self._docker is not None
        return self._docker

    async def _open(self) -> None:
        """Connect, once it can be done; raises EngineError."""
        if self._docker is not None:
            return
        docker = connect()
        try:
            with engine_errors("say its version"):
                await docker.version()
                self._site = await locate(docker, self._config.docker.network)
        except BaseException:  # also when cancelled: the connection is given back
            await docker.close()
            raise
        self._docker = docker
        self._roster = Roster(docker, self._plan().labels(), self._tasks)

    @property
    def _where(self) -> Site:
        assert self._site is not None
        return self._site

    def _plan(self) -> Plan:
        wanted, site = self._config.docker.network, self._where
        published = site.network is None and wanted != "host"
        return Plan(self._config, self._image.name, site.network or wanted, published, self._image.id)

    @contextmanager
    def _start_errors(self, doing: str) -> Iterator[None]:
        try:
            with engine_errors(doing):
                yield
        except UserError as error:
            raise StartError(str(error)) from error

    # One container

    def _enrol(self, created: DockerContainer, replica_id: str, port: int, devices: Sequence[str]) -> Container:
        output = Output(self._config.name, replica_id, self._secrets)
        transcript = Transcript(output, self._tasks, self._engine.api_version)
        container = Container(created, transcript, self._config.hardware.memory_gb)

        def gone() -> None:
            self._roster.remove(container)
            self._release(port, devices)

        container.on_gone = gone
        self._roster.add(container)
        return container

    async def _locate(self, container: Container, port: int) -> None:
        """Find out its address, unless it has ended already: why, it will tell itself."""
        try:
            inspection = await container.inspect()
        except DockerError as error:
            if error.status == 404:
                return
            raise
        if inspection["State"]["Running"]:
            container.host, container.port = self._where.address(inspection, port)

    async def _inspected(self, container: DockerContainer) -> Document | None:
        """Of a container that an earlier proxy left; None if it does not run, in which case it is removed."""
        try:
            inspection = await container.show()
            if inspection["State"]["Running"] and "tidegate.replica" in inspection["Config"]["Labels"]:
                return inspection
            await container.delete(force=True, v=True)
        except DockerError as error:
            if error.status not in GONE:
                raise
        return None

    def _take_over(self, inspection: Document, digest: str) -> Found:
        labels = inspection["Config"]["Labels"]
        replica_id, port = labels["tidegate.replica"], int(labels["tidegate.port"])
        devices = [device for device in labels.get(LABEL, "").split(",") if device]
        if not self._config.docker.gpus:
            GPUS.hold(devices)
        created = self._engine.containers.container(inspection["Id"])
        container = self._enrol(created, replica_id, port, devices)
        container.taken_over(paused=inspection["State"]["Paused"])
        current = (labels["tidegate.config"], inspection["Image"]) == (digest, self._image.id)
        try:
            container.host, container.port = self._where.address(inspection, port)
        except EngineError:  # its network has gone, or the proxy is no neighbour of it any more
            current = False
        return Found(replica_id, container, current, _limit(inspection))

    def _release(self, port: int, devices: Sequence[str]) -> None:
        if not self._config.docker.gpus:  # those are shared, and not counted
            GPUS.release(devices)
        if self._plan().on_host:
            PORTS.release(port)

    async def _sweep(self) -> None:
        """Whatever a creation that nobody waited for has left; an engine that is away keeps it for the next proxy."""
        try:
            with engine_errors("list the containers of the app"):
                for container in await self._roster.listed():
                    await container.delete(force=True, v=True)
        except EngineError as error:
            log.warning("%s: containers may be left: %s", self._config.name, error)


def _limit(inspection: Document) -> int | None:
    """What the container was told as MAX_CONCURRENT_TASKS."""
    words = (word.partition("=") for word in inspection["Config"]["Env"] or ())
    values = {name: value for name, _, value in words}
    told = values.get("MAX_CONCURRENT_TASKS", "")
    return int(told) if told.isdecimal() and int(told) else None
