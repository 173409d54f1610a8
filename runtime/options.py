"""What the entrypoint is told: by flags, by the environment, by the command behind `--`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from proxy.errors import UserError
from runtime.presets import PRESETS

_EPILOG = """Without a command it serves the functions of main.py in the current folder. With one it is process 1 of a
container and puts a gate before the server: a hard limit with a queue, GET /ready and GET /health, and a SIGTERM that
lets running requests finish before the server gets it."""


# Addresses of the gate that take a port of 127.0.0.1, where it looks for the command, and would find itself.
_WITH_LOOPBACK = frozenset(("", "0.0.0.0", "::", "127.0.0.1", "localhost"))


class Options(NamedTuple):
    """`command` is empty for functions; `upstream_port` 0 and `preset` "" are to be found out; None is the preset's."""

    host: str
    port: int
    upstream_port: int
    preset: str
    ready_path: str | None
    limit: int
    queue: int
    grace_seconds: float
    hang_seconds: float
    command: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message.removeprefix('argument ')}; see tidegate runtime --help")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Raises UserError; exits by itself after --help."""
    own, command = _split(arguments)
    parser = _parser(environment)
    given, rest = parser.parse_known_args(own)
    if rest:
        parser.error(f"{rest[0]} is no option: write -- before the command that is to be run")
    if command is not None and not (command and command[0]):
        parser.error("-- is not followed by a command")
    if given.upstream_port and given.upstream_port == given.port and given.host in _WITH_LOOPBACK:
        parser.error(
            f"--upstream-port is {given.port}, which is the gate's own port: let the command listen on another, "
            "or choose another with --port"
        )
    limit = given.limit or (100 if command else 1)
    return Options(
        host=given.host,
        port=given.port,
        upstream_port=given.upstream_port,
        preset=given.preset,
        ready_path=given.ready_path,
        limit=limit,
        queue=given.queue,
        grace_seconds=given.grace,
        hang_seconds=given.hang,
        command=tuple(command or ()),
    )


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str] | None]:
    if "--" not in arguments:
        return arguments, None
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser(environment: Mapping[str, str]) -> _Parser:
    parser = _Parser(prog="tidegate runtime", usage="%(prog)s [OPTIONS] [-- COMMAND ...]", epilog=_EPILOG)

    def add(flag: str, variable: str, default: object, kind: Callable[[str], object], text: str) -> None:
        value = _converted(variable, environment[variable], kind) if environment.get(variable) else default
        parser.add_argument(flag, default=value, type=kind, metavar=kind.__name__.upper(), help=f"{text} [{variable}]")

    port, seconds = _whole("port", 0, 65535), _seconds
    add("--host", "TIDEGATE_HOST", "0.0.0.0", str, "address of the gate")
    add("--port", "PORT", 8000, port, "port of the gate; 0 takes a free one")
    add(
        "--upstream-port",
        "TIDEGATE_UPSTREAM_PORT",
        0,
        port,
        "where the command listens; 0 finds out or takes a free one",
    )
    add("--preset", "TIDEGATE_PRESET", "", _preset, f"what the command is: {', '.join(PRESETS)}; by its name")
    add("--ready-path", "TIDEGATE_READY_PATH", None, _path, 'what it answers 2xx to when it is ready; "" = TCP connect')
    add("--limit", "MAX_CONCURRENT_TASKS", 0, _whole("number", 1, 100_000), "requests at once; 100, for functions 1")
    add("--queue", "TIDEGATE_QUEUE", 1000, _whole("number", 0, 1_000_000), "requests that may wait")
    add("--grace", "TIDEGATE_GRACE", 900, seconds, "longest time for a request, and for the end after SIGTERM")
    add("--hang", "TIDEGATE_HANG", 30, seconds, "functions: a server that is silent for so long is restarted")
    return parser


def _converted(variable: str, text: str, kind: Callable[[str], object]) -> object:
    try:
        return kind(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"the environment variable {variable}: {error}") from None


def _whole(name: str, least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        # No more digits than any of them needs: int() refuses to read thousands.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    convert.__name__ = name
    return convert


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 43200:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0, up to 43200")
    return seconds


def _preset(text: str) -> str:
    if text and text not in PRESETS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PRESETS)}")
    return text


def _path(text: str) -> str:
    if text and (not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text):
        raise argparse.ArgumentTypeError(f"{text!r} is no path: begin it with /")
    return text


_seconds.__name__, _preset.__name__, _path.__name__ = "seconds", "name", "path"
