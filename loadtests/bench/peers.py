"""Tidegate and the proxies it is compared with: each one's configuration, command and start."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import envoy, nginx
from bench.failure import BenchError
from bench.process import Process, free_port, running
from bench.programs import Programs

HERE = Path(__file__).parent.parent
COMPILED = HERE.parent / "build" / "compiled"
TIDEGATE, INTERPRETED, HAPROXY, NGINX, ENVOY, AIOHTTP = (
    "Tidegate",
    "Tidegate, not compiled",
    "HAProxy",
    "nginx",
    "Envoy",
    "aiohttp",
)

Command = Callable[[Path, int, int], list[str]]
"""(folder for configuration, port, backend's port) → command."""
Peers = Mapping[str, Command]


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers on a port."""

    name: str
    port: int
    process: Process


def peers(programs: Programs) -> Peers:
    """Those whose program is there; Tidegate first. Raises BenchError if it has not been compiled."""
    if not COMPILED.exists():
        raise BenchError(f"{COMPILED} is not there: run make bench, which makes it")
    found: dict[str, Command] = {TIDEGATE: partial(_tidegate, COMPILED), INTERPRETED: partial(_tidegate, HERE.parent)}
    if programs.haproxy:
        found[HAPROXY] = partial(_haproxy, programs.haproxy)
    found[NGINX] = partial(nginx.proxy, programs.nginx)
    if programs.envoy:
        found[ENVOY] = partial(envoy.proxy, programs.envoy)
    found[AIOHTTP] = _aiohttp
    return found


@contextmanager
def started(chosen: Peers, backend_port: int) -> Iterator[dict[str, Server]]:
    """All of them at once; a peer that does not start is left out. Raises BenchError if Tidegate does not."""
    with ExitStack() as stack:
        servers = {}
        for name, command in chosen.items():
            try:
                servers[name] = stack.enter_context(_started(name, command, backend_port))
            except BenchError as error:
                if name == TIDEGATE:
                    raise
                print(f"{error}; it is left out.", file=sys.stderr)
        yield servers


@contextmanager
def _started(name: str, command: Command, backend_port: int) -> Iterator[Server]:
    with serving(name, lambda folder, port: command(folder, port, backend_port)) as server:
        yield server


@contextmanager
def serving(name: str, command: Callable[[Path, int], list[str]], path: str = "/") -> Iterator[Server]:
    """Start it in a folder of its own and wait until GET of the path is answered. Raises BenchError."""
    with TemporaryDirectory(prefix="tidegate-bench-") as place:
        folder, port = Path(place), free_port()
        with running(name, command(folder, port), folder / "log") as process:
            process.await_answer(port, path)
            yield Server(name, port, process)


def script(name: str, *arguments: object) -> list[str]:
    """The command of a Python file of this folder."""
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def _tidegate(code: Path, folder: Path, port: int, backend_port: int) -> list[str]:
    (folder / "cerebrium.toml").write_text(f"""
[cerebrium.deployment]
name = "bench"

[cerebrium.scaling]
replica_concurrency = 1000

[tidegate.static]
replicas = ["127.0.0.1:{backend_port}"]
""")
    # The others have no access log here either.
    options = ["--backend", "static", "--port", str(port), "--admin-port", "0", "--no-request-log"]
    return ["env", f"PYTHONPATH={code}", sys.executable, "-P", "-m", "proxy", "up", str(folder), *options]


def _haproxy(program: str, folder: Path, port: int, backend_port: int) -> list[str]:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    config = folder / "haproxy.cfg"
    config.write_text(f"""
global
    nbthread 1
    maxconn {(files - 200) // 2}
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 300s
    timeout server 300s
frontend front
    bind 127.0.0.1:{port} backlog 4096
    default_backend back
backend back
    http-reuse always
    server one 127.0.0.1:{backend_port}
""")
    return [program, "-db", "-f", str(config)]


def _aiohttp(_: Path, port: int, backend_port: int) -> list[str]:
    return script("aiohttp_proxy.py", port, backend_port)
