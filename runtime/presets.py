"""What is known of servers: how each is told its port, and where it says that it is ready."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import NamedTuple

from proxy.backends.command import with_port
from proxy.errors import UserError

_PYTHON = re.compile(r"python[\d.]*")


class Preset(NamedTuple):
    """One kind of server. The flags are those of its port and its address; `ready_path` "" is a TCP connection."""

    name: str
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    port_flags: tuple[str, ...] = ()
    host_flag: str = ""
    ready_path: str = ""


GENERIC = Preset("generic")
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("vllm", ("vllm",), ("vllm.entrypoints.openai.api_server",), ("--port",), "--host", "/health"),
        Preset("triton", ("tritonserver",), (), ("--http-port",), "--http-address", "/v2/health/ready"),
        Preset("tgi", ("text-generation-launcher",), (), ("--port", "-p"), "--hostname", "/health"),
        Preset("llama.cpp", ("llama-server",), (), ("--port",), "--host", "/health"),
        Preset("uvicorn", ("uvicorn", "fastapi"), ("uvicorn", "fastapi"), ("--port",), "--host"),
        GENERIC,
    )
}


class Command(NamedTuple):
    """A command line that makes its server listen on `port`."""

    argv: tuple[str, ...]
    port: int


def recognise(argv: Sequence[str]) -> Preset:
    """The preset by the program's name, behind launchers too (`uv run vllm serve …`); generic if it is none of them."""
    words = argv[: next((number for number, word in enumerate(argv) if word.startswith("-")), len(argv))]
    module = argv[len(words) + 1] if _runs_module(argv, len(words)) else ""
    names = {PurePath(word).name for word in words}
    for preset in PRESETS.values():
        if names.intersection(preset.programs) or module in preset.modules:
            return preset
    return GENERIC


def _runs_module(argv: Sequence[str], flag: int) -> bool:
    """`argv` is python -m MODULE …, `flag` being the place of its first flag."""
    return 0 < flag < len(argv) - 1 and argv[flag] == "-m" and bool(_PYTHON.fullmatch(PurePath(argv[flag - 1]).name))


def arrange(
    argv: Sequence[str], preset: Preset, gate_port: int | None, given_port: int, free_port: Callable[[], int]
) -> Command:
    """Make room for the gate: `gate_port` is its own, and a server that would take it is moved to another;
    None: it takes a free one.

    `given_port` is where the user says that the server listens; 0 if nothing was said. Raises UserError.
    """
    named = _named_port(argv, preset)
    if named is not None and named != gate_port:
        if given_port not in (0, named):
            raise UserError(
                f"the command names port {named}, but --upstream-port says {given_port}: leave one of them out"
            )
        return Command(tuple(argv), named)
    port = given_port or free_port()
    if preset is GENERIC:
        return Command(tuple(with_port(word, gate_port, port) for word in argv), port)
    words = _flag_replaced([with_port(word, None, port) for word in argv], preset, gate_port, port)
    if named is None and not _has_flag(words, preset.port_flags):
        words += [preset.port_flags[0], str(port)]
    if preset.host_flag and not _has_flag(words, (preset.host_flag,)):
        words += [preset.host_flag, "127.0.0.1"]  # nobody gets past the limit
    return Command(tuple(words), port)


def _named_port(argv: Sequence[str], preset: Preset) -> int | None:
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        flag, mark, value = word.partition("=")
        text = value if mark else following
        if flag in preset.port_flags and text.isascii() and text.isdigit():
            return int(text)
    return None


def _has_flag(words: Sequence[str], flags: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in flags for word in words)


def _flag_replaced(words: Sequence[str], preset: Preset, before: int | None, after: int) -> list[str]:
    """Only after the flag: another word may be the same number and mean something else."""
    replaced: list[str] = []
    for word in words:
        is_value = bool(replaced) and replaced[-1] in preset.port_flags
        is_flag = word.partition("=")[0] in preset.port_flags
        replaced.append(with_port(word, before, after) if is_value or is_flag else word)
    return replaced
