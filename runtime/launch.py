"""From what the entrypoint is told to what it starts: the command line, its environment, and how it is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.backends.command import FUNCTION_SERVER
from proxy.backends.ports import PORTS
from runtime.options import Options
from runtime.presets import PRESETS, arrange, recognise

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of the command; it listens on `port` of the loopback interface.

    `mended`: one that was ready once is started again after a crash or a hang.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    ready_path: str
    mended: bool = False


def launch(options: Options, environment: Mapping[str, str]) -> Launch:
    """What to start next; raises UserError, or StartError if no port is free."""
    return _command(options, environment) if options.command else _functions(options, environment)


def _functions(options: Options, environment: Mapping[str, str]) -> Launch:
    port = options.upstream_port or PORTS.take()
    own = {
        "TIDEGATE_HOST": _LOOPBACK,
        "PORT": str(port),
        "MAX_CONCURRENT_TASKS": str(options.limit),
        "PYTHONUNBUFFERED": "1",
    }
    argv = (sys.executable, *FUNCTION_SERVER)
    return Launch("main.py", argv, {**environment, **own}, port, "/ready", mended=True)


def _command(options: Options, environment: Mapping[str, str]) -> Launch:
    preset = PRESETS[options.preset] if options.preset else recognise(options.command)
    command = arrange(options.command, preset, options.port or None, options.upstream_port, PORTS.take)
    ready_path = preset.ready_path if options.ready_path is None else options.ready_path
    own = {"PORT": str(command.port), "MAX_CONCURRENT_TASKS": str(options.limit)}
    return Launch(preset.name, command.argv, {**environment, **own}, command.port, ready_path)
