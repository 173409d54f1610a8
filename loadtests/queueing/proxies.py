"""The proxies that hold a limit of one request per replica, with the least that each needs to do so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bench import nginx
from bench.failure import BenchError
from bench.peers import COMPILED, HAPROXY, NGINX
from bench.programs import Programs

BALANCERS = ("first-available", "round-robin", "min-connections", "random-choice-2")
OURS = tuple(f"Tidegate, {balancer}" for balancer in BALANCERS)


class Command(Protocol):
    """Writes a configuration into the folder, and says how the proxy is started on the port before the replicas."""

    def __call__(self, folder: Path, port: int, replicas: Sequence[int]) -> list[str]: ...


def limited_proxies(programs: Programs) -> Mapping[str, Command]:
    """Those whose program is there; Tidegate first. Raises BenchError if it has not been compiled."""
    if not COMPILED.exists():
        raise BenchError(f"{COMPILED} is not there: run make bench-scheduling, which makes it")
    found: dict[str, Command] = {name: partial(_tidegate, name.split(", ")[1]) for name in OURS}
    if programs.haproxy:
        found[HAPROXY] = partial(_haproxy, programs.haproxy)
    found[NGINX] = partial(_nginx, programs.nginx)
    return found


def _tidegate(balancer: str, folder: Path, port: int, replicas: Sequence[int]) -> list[str]:
    addresses = ", ".join(f'"127.0.0.1:{replica}"' for replica in replicas)
    (folder / "cerebrium.toml").write_text(f"""
[cerebrium.deployment]
name = "scheduling"

[cerebrium.runtime.custom]
readycheck_endpoint = "/ready"

[cerebrium.scaling]
replica_concurrency = 1
load_balancing_algorithm = "{balancer}"

[tidegate.queue]
max_length = 100000

[tidegate.static]
replicas = [{addresses}]
""")
    options = ["--backend", "static", "--port", str(port), "--admin-port", "0"]
    return ["env", f"PYTHONPATH={COMPILED}", sys.executable, "-P", "-m", "proxy", "up", str(folder), *options]


def _haproxy(program: str, folder: Path, port: int, replicas: Sequence[int]) -> list[str]:
    servers = "\n".join(
        f"    server replica{number} 127.0.0.1:{replica} maxconn 1" for number, replica in enumerate(replicas)
    )
    config = folder / "haproxy.cfg"
    config.write_text(f"""
global
    nbthread 1
    maxconn 2000
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout queue 300s
frontend front
    bind 127.0.0.1:{port} backlog 4096
    default_backend replicas
backend replicas
    balance leastconn
    http-reuse always
{servers}
""")
    return [program, "-db", "-f", str(config)]


def _nginx(program: str, folder: Path, port: int, replicas: Sequence[int]) -> list[str]:
    servers = "\n".join(f"        server 127.0.0.1:{replica} max_conns=1 max_fails=0;" for replica in replicas)
    return nginx.command(
        program,
        folder,
        f"""
    upstream replicas {{
        zone replicas 256k;
        least_conn;
{servers}
        keepalive {len(replicas)};
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_next_upstream off;
        location / {{ proxy_pass http://replicas; proxy_read_timeout 300s; }}
    }}""",
    )
