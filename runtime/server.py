"""The life of a function server: open the port, load main.py, serve, drain, exit."""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import uvloop

from proxy.backends.local_socket import VARIABLE
from proxy.errors import UserError
from runtime.calls import Calls
from runtime.connection import Connections
from runtime.journal import Journal
from runtime.output import tag_output
from runtime.threads import Threads

if TYPE_CHECKING:  # importing it takes longer than opening the port
    from runtime.functions import Function

LOAD_FAILED = 3
BACKLOG = 4096
_OWN_FOLDER = str(Path(__file__).parent)
_IMPORTLIB = str(Path(importlib.__file__).parent)


def serve(arguments: list[str]) -> int:
    """Serve until told to stop; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        if arguments:
            raise UserError(f"python -m runtime.serve takes no arguments, but was given {' '.join(arguments)!r}.")
        settings = Settings.read(os.environ, Path.cwd())
        os.environ.pop(VARIABLE, None)  # what main.py starts has no such descriptor
        server = Server(settings, listen(settings))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tag_output()
    uvloop.run(server.run())
    if server.loading:
        exit_at_once(0)
    return 0


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, what to load, how many synchronous calls run at once, and what is logged of them.

    `listener`, if there is one, is the descriptor of a socket that whoever started this process has opened.
    """

    listener: int | None
    host: str
    port: int
    threads: int
    folder: Path
    journal: Journal

    @classmethod
    def read(cls, environment: Mapping[str, str], folder: Path) -> Settings:
        """Raises UserError."""
        if not (folder / "main.py").is_file():
            raise UserError(f"{folder} has no main.py: add one with functions, or set runtime.custom.entrypoint.")
        return cls(
            listener=int(environment[VARIABLE]) if VARIABLE in environment else None,
            host=environment.get("TIDEGATE_HOST", "127.0.0.1"),
            port=_number(environment, "PORT", 8000, range(65536)),
            threads=_number(environment, "MAX_CONCURRENT_TASKS", 1, range(1, 100_001)),
            folder=folder,
            journal=Journal.read(environment),
        )


def _number(environment: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) in allowed):
        raise UserError(f"{name} is {text!r}: set it to a number from {allowed[0]} to {allowed[-1]}.")
    return int(text)


def listen(settings: Settings) -> socket.socket:
    """Take the port, or the socket that is there; raises UserError."""
    if settings.listener is not None:
        return socket.socket(fileno=settings.listener)
    try:
        listener = socket.create_server((settings.host, settings.port))
    except OSError as error:
        address = f"{settings.host} port {settings.port}"
        raise UserError(
            f"Cannot listen on {address}: {error.strerror}; set TIDEGATE_HOST and PORT to a free one."
        ) from None
    sys.stderr.write(f"Listening on http://{settings.host}:{listener.getsockname()[1]}.\n")
    return listener


class Server:
    """One function server, from its open port to the end of its drain."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._folder = settings.folder
        self._listener = listener
        self._calls = Calls(Threads(settings.threads), settings.journal)
        self._stop = asyncio.Event()
        # A daemon: an unfinished import must not hold up the exit.
        self._loading = threading.Thread(target=self._load, name="load main.py", daemon=True)

    async def run(self) -> None:
        """Serve until the first signal, then drain; a second signal or a failed load ends the process at once."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            connections = Connections(group, self._calls.respond)
            listener = await self._listen(connections)
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._on_signal, number)
            self._loading.start()
            await self._stop.wait()
            self._calls.draining = True
            listener.close()
            await connections.drain()

    async def _listen(self, connections: Connections) -> asyncio.AbstractServer:
        # Asked of every connection that is made; what is compiled does not inherit from asyncio.Protocol.
        accept = cast(Callable[[], asyncio.Protocol], connections.accept)
        if self._listener.family == socket.AF_UNIX:
            return await self._loop.create_unix_server(accept, sock=self._listener, backlog=BACKLOG)
        return await self._loop.create_server(accept, sock=self._listener, backlog=BACKLOG)

    @property
    def loading(self) -> bool:
        return self._loading.is_alive()

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        self._stop.set()

    def _load(self) -> None:
        """Runs in its own thread, so that probes are answered meanwhile."""
        try:
            from runtime.functions import load

            _forget_own_packages(self._folder)
            gc.freeze()  # what is ours stays: no collection has to look at it
            gc.enable()
            functions = load(self._folder)
        except BaseException as error:  # main.py may also call sys.exit
            sys.stderr.write(explained(error))
            exit_at_once(LOAD_FAILED)
        self._loop.call_soon_threadsafe(self._loaded, functions)

    def _loaded(self, functions: Mapping[str, Function]) -> None:
        self._calls.functions = functions
        sys.stderr.write(f"Ready: {', '.join(functions) or 'main.py has no functions'}.\n")


def explained(error: BaseException) -> str:
    """The traceback of what main.py raised, from main.py on, and one sentence at its end."""
    report = traceback.TracebackException.from_exception(error)
    users = [frame for frame in report.stack if not frame.filename.startswith((_OWN_FOLDER, _IMPORTLIB, "<frozen "))]
    report.stack = traceback.StackSummary.from_list(users)
    reason = traceback.format_exception_only(error)[-1].strip()
    return f"{''.join(report.format())}main.py cannot be loaded: {reason}\n"


def exit_at_once(code: int) -> NoReturn:
    """What main.py has started, or is still importing, neither holds up this exit nor crashes it."""
    sys.stdout.flush()
    os._exit(code)


def _forget_own_packages(folder: Path) -> None:
    """Leave the names `runtime` and `proxy` to the user's own files; what is loaded goes on working without them.

    Where there is no such file, `runtime` stays what it is: `runtime.Response` is known by its class.
    """
    taken = {name for name in ("runtime", "proxy") if PathFinder.find_spec(name, [str(folder)])}
    for name in [name for name in sys.modules if name.partition(".")[0] in taken]:
        del sys.modules[name]
