"""loadtests/chaos/scenarios/calls.py: how the proxy is let go by what made its system calls fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import psutil
import pytest
from chaos.scenarios.calls import STOPPED, let_go


class Proxy:
    """Its tracer tells that it stands still as soon as it is asked to."""

    def __init__(self, told: Path) -> None:
        self.seen: list[str] = []
        self._told = told

    def suspend(self) -> None:
        self.seen.append("suspended")
        self._told.write_bytes(b"read(7, 0x1, 8) = 8\n" + STOPPED + b"\n")

    def resume(self) -> None:
        self.seen.append("resumed")


class Tracer:
    def __init__(self, proxy: Proxy, returncode: int | None = None) -> None:
        self.returncode = returncode
        self._proxy = proxy

    def terminate(self) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        self._proxy.seen.append("let go")
        self.returncode = 0

    async def wait(self) -> None:
        pass

    async def communicate(self) -> None:
        pass


def played(proxy: Proxy, tracer: Tracer, told: Path) -> None:
    asyncio.run(let_go(cast(psutil.Process, proxy), cast(asyncio.subprocess.Process, tracer), told))


@pytest.fixture
def proxy(tmp_path: Path) -> Proxy:
    return Proxy(tmp_path / "told")


def test_a_proxy_stands_still_when_it_is_let_go(proxy: Proxy, tmp_path: Path) -> None:
    played(proxy, Tracer(proxy), tmp_path / "told")
    assert proxy.seen == ["suspended", "let go", "resumed"]


def test_a_proxy_whose_tracer_has_gone_goes_on(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "told").touch()
    played(proxy, Tracer(proxy, returncode=1), tmp_path / "told")
    assert proxy.seen == ["suspended", "resumed"]
