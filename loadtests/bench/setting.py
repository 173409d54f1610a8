"""What every part of the benchmark is given, and how rounds are made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bench import nginx
from bench.peers import Peers, Server, serving
from bench.programs import Programs

Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Setting:
    """The programs, the proxies to compare, and whether it is the short form."""

    programs: Programs
    peers: Peers
    short: bool

    @contextmanager
    def nginx_backend(self) -> Iterator[int]:
        """Its port."""
        with serving("the backend", partial(nginx.backend, self.programs.nginx)) as server:
            yield server.port


def interleaved(
    servers: Mapping[str, Server], rounds: int, measure: Callable[[Server], Measured]
) -> dict[str, list[Measured]]:
    """Each server once per round, so that a busy machine disturbs all alike."""
    seen: dict[str, list[Measured]] = {name: [] for name in servers}
    for number in range(1, rounds + 1):
        for name, server in servers.items():
            print(f"round {number} of {rounds}: {name}", file=sys.stderr)
            seen[name].append(measure(server))
    return seen
