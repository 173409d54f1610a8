"""Memory: of connections that do nothing, and before and after very many requests."""

from __future__ import annotations

import math
import resource
import sys
import time
from contextlib import ExitStack

from bench.client import Client
from bench.failure import BenchError
from bench.peers import TIDEGATE, Server, started
from bench.setting import Setting
from bench.table import Table, figure
from bench.wrk import Wrk

MIB = 1 << 20
REST_SECONDS = 0.5
OWN_SECONDS = 120  # for the requests between, however slow the machine
HEADER = ("proxy", "MiB per 1,000 idle connections", "connections", "MiB before", "MiB after", "requests between")


def measure(setting: Setting) -> Table:
    connections, requests, peer_seconds = (2_000, 50_000, 1) if setting.short else (10_000, 1_000_000, 6)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    connections = min(connections, (files - 1_000) // 2)  # HAProxy needs two files for each
    wrk = Wrk(setting.programs.wrk)
    rows = []
    with setting.nginx_backend() as port:
        for name, command in setting.peers.items():
            with started({name: command}, port) as servers:
                for server in servers.values():
                    print(f"memory: {name}", file=sys.stderr)
                    limit = OWN_SECONDS if name == TIDEGATE else peer_seconds
                    rows.append((name, *_idle(server, connections, wrk), *_growth(server, requests, limit, wrk)))
    note = (
        "Resident memory of the proxy's processes, without what the kernel holds for sockets. Each idle connection "
        f"has had one answer. {TIDEGATE} gets {requests:,} requests, each of the others as many of them as it "
        f"answers in {peer_seconds} s; before is after a warm-up and the idle connections."
    )
    return Table(HEADER, rows, note)


def _idle(server: Server, connections: int, wrk: Wrk) -> tuple[str, str]:
    wrk.run(server, 1)
    before = _resting(server)
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(connections)]
        for client in clients:
            client.get("/")
        grown = _resting(server) - before
        if closed := sum(client.closed() for client in clients):
            raise BenchError(f"{server.name} closed {closed} of {connections} idle connections while they were counted")
    return figure(grown / connections * 1_000), f"{connections:,}"


def _growth(server: Server, requests: int, limit: int, wrk: Wrk) -> tuple[str, str, str]:
    """At most `limit` seconds, and one."""
    before = _resting(server)
    first = wrk.run(server, 1)
    done = first.requests
    if seconds := min(limit, math.ceil(max(0, requests - done) / done * first.seconds)):
        done += wrk.run(server, seconds).requests
    return figure(before), figure(_resting(server)), f"{done:,}"


def _resting(server: Server) -> float:
    """MiB, once what ends by itself has ended."""
    time.sleep(REST_SECONDS)
    return server.process.rss_bytes() / MIB
