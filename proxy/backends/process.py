"""The process backend: replicas are process groups on this machine; no Docker needed."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.backends.base import Consumption, Found, Handle
from proxy.backends.child import Child
from proxy.backends.command import command
from proxy.backends.environment import build_id, inherited, secrets, variables
from proxy.backends.lifeline import LIFELINE
from proxy.backends.output import Output
from proxy.backends.ports import PORTS
from proxy.backends.process_groups import consumption_of
from proxy.backends.sources import contents
from proxy.backends.venv import make_venv
from proxy.config.packages import listed_file, pip_lines
from proxy.errors import StartError, UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig


class ProcessHandle(Child):
    """One replica that is a process group; gives its port back once, when it is gone or could not be started."""

    host = "127.0.0.1"
    obstacle = ""
    create_seconds = 0.0

    def __init__(self, port: int, output: Output) -> None:
        super().__init__(output)
        self.port = port
        self._has_port = True

    @property
    def identity(self) -> Mapping[str, int | str]:
        return {"pid": self.pid}

    def give_back(self) -> None:
        """The port; a process whose start was cancelled may end later, when another replica has it."""
        if self._has_port:
            self._has_port = False
            PORTS.release(self.port)

    def process_exited(self) -> None:
        self.give_back()
        super().process_exited()


class ProcessBackend:
    """Starts an app's replicas as processes, each with its own port, in the app's folder."""

    def __init__(self, config: AppConfig) -> None:
        self._config = config
        self._secrets = secrets(config)
        self.restarts = True
        self.outlives = False
        self._venv: Path | None = None
        self._build = ""  # known once it is prepared

    async def check(self) -> None:
        """Raise UserError for what would fail every start and can be seen before the first."""
        if sentence := self._config.without_server:
            raise UserError(sentence)
        if self._config.process.install:  # what it runs may be installed only by prepare()
            command(self._config, 0, sys.executable)
            listed_file(self._config, "pip")
        else:
            self._argv(self._environment("", 0), 0)

    async def find(self) -> Sequence[Found]:
        return ()  # a process replica dies with its proxy

    async def prepare(self) -> None:
        with self._start_errors():
            self._build = await asyncio.to_thread(self._made_from)
            if self._config.process.install:
                self._venv = await make_venv(self._config)
                self._argv(self._environment("", 0), 0)

    async def identity(self) -> str:
        return f"process {self._build}"

    def revise(self, config: AppConfig) -> ProcessBackend:
        return ProcessBackend(config)

    def _made_from(self) -> str:
        installed = pip_lines(self._config.dependencies.pip) if self._config.process.install else []
        return build_id(self._config, [*contents(self._config), *map(str.encode, installed)])

    async def start(self, replica_id: str) -> ProcessHandle:
        handle = ProcessHandle(PORTS.take(), Output(self._config.name, replica_id, self._secrets))
        try:
            with self._start_errors():
                environment = self._environment(replica_id, handle.port)
                await handle.spawn(self._argv(environment, handle.port), self._config.folder, environment)
        except BaseException:  # also when cancelled: the port is free again
            handle.give_back()
            raise
        return handle

    async def consumption(self, handles: Mapping[str, Handle]) -> Mapping[str, Consumption]:
        groups = {key: pid for key, handle in handles.items() if isinstance(pid := handle.identity.get("pid"), int)}
        consumed = consumption_of(set(groups.values()))
        return {key: consumed[group] for key, group in groups.items()}

    async def close(self, keep: bool = False) -> None:
        LIFELINE.close()

    def _environment(self, replica_id: str, port: int) -> dict[str, str]:
        environment = {**inherited(), **variables(self._config, replica_id, port, self._build)}
        if self._venv:
            environment["VIRTUAL_ENV"] = str(self._venv)
        environment["PATH"] = self._path(environment)
        return environment

    def _path(self, environment: Mapping[str, str]) -> str:
        """The user's PATH with the programs of the environment that Tidegate runs in, or that it made.

        They come first: `.venv/bin/tidegate up` means the uvicorn beside it, not the system's. Only an environment
        that the user has activated is the more explicit choice.
        """
        path = environment.get("PATH", os.defpath)
        activated = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX")
        programs = str(Path(self._python).parent)
        return os.pathsep.join([path, programs] if activated and not self._venv else [programs, path])

    @property
    def _python(self) -> str:
        return str(self._venv / "bin/python") if self._venv else sys.executable

    def _argv(self, environment: Mapping[str, str], port: int) -> list[str]:
        """The command with its program as an absolute path; raises UserError if there is none."""
        program, *arguments = command(self._config, port, self._python)
        name = str(self._config.folder / program) if Path(program).name != program else program
        found = shutil.which(name, path=environment["PATH"])
        if found is None:
            raise UserError(
                f"{self._config.file}: runtime.custom.entrypoint starts {program!r}, which is "
                "no program on PATH or in the app's folder; install it or correct the entrypoint"
            )
        return [str(Path(found).absolute()), *arguments]

    @contextmanager
    def _start_errors(self) -> Iterator[None]:
        try:
            yield
        except UserError as error:
            raise StartError(str(error)) from error
        except OSError as error:
            raise StartError(f"cannot start a replica of {self._config.name}: {error}") from error
