"""From what the entrypoint is told to what it starts: the command line, its environment, and how it is asked.

Named tuples here, since dataclasses import inspect, and the command is started only when all this has been imported.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import NamedTuple

from proxy.backends import local_socket
from proxy.backends.command import FUNCTION_SERVER
from proxy.backends.ports import PORTS
from runtime.options import Options
from runtime.presets import PRESETS, arrange, recognise

_LOOPBACK = "127.0.0.1"


class Launch(NamedTuple):
    """One start of the command; it listens on `port` of the loopback interface, or inherits `listener`.

    `host` and `port` are where it is asked. `mended`: one that was ready once is started again after a crash or a hang.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    ready_path: str
    mended: bool = False
    host: str = _LOOPBACK
    listener: socket.socket | None = None

    @property
    def place(self) -> str:
        """Where it listens, for the log."""
        return f"port {self.port}" if self.port else "a socket of its own"


def launch(options: Options, environment: Mapping[str, str]) -> Launch:
    """What to start next; raises UserError, or StartError if no port is free."""
    return _command(options, environment) if options.command else _functions(options, environment)


def _functions(options: Options, environment: Mapping[str, str]) -> Launch:
    own = {"MAX_CONCURRENT_TASKS": str(options.limit), "PYTHONUNBUFFERED": "1"}
    argv = (sys.executable, *FUNCTION_SERVER)
    if options.upstream_port or not local_socket.AVAILABLE:
        port = options.upstream_port or PORTS.take()
        own |= {"TIDEGATE_HOST": _LOOPBACK, "PORT": str(port)}
        return Launch("main.py", argv, {**environment, **own}, port, "/ready", mended=True)
    listener, host = local_socket.listen()
    own |= {"PORT": str(options.port), local_socket.VARIABLE: str(listener.fileno())}
    return Launch("main.py", argv, {**environment, **own}, 0, "/ready", mended=True, host=host, listener=listener)


def _command(options: Options, environment: Mapping[str, str]) -> Launch:
    preset = PRESETS[options.preset] if options.preset else recognise(options.command)
    command = arrange(options.command, preset, options.port or None, options.upstream_port, PORTS.take)
    ready_path = preset.ready_path if options.ready_path is None else options.ready_path
    own = {"PORT": str(command.port), "MAX_CONCURRENT_TASKS": str(options.limit)}
    return Launch(preset.name, command.argv, {**environment, **own}, command.port, ready_path)
