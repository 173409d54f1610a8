"""loadtests/queueing/proxies.py: every proxy is told the same limit of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.programs import Programs
from queueing import proxies
from queueing.proxies import OURS, limited_proxies

from proxy.config import inspect, load

PORTS = range(9001, 9009)


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, proxies.Command]:
    monkeypatch.setattr(proxies, "COMPILED", tmp_path)
    return dict(limited_proxies(Programs("wrk", "nginx", "haproxy", None)))


@pytest.mark.parametrize("name", OURS)
def test_tidegate_is_configured_without_a_mistake(name: str, found: dict[str, proxies.Command], tmp_path: Path) -> None:
    found[name](tmp_path, port=8000, replicas=PORTS)
    findings, config = inspect(tmp_path), load(tmp_path)
    assert not findings.errors
    assert not findings.warnings
    assert config.scaling.replica_concurrency == 1
    assert len(config.static.replicas) == len(PORTS)
    assert config.scaling.load_balancing_algorithm in name


def test_others_have_the_same_limit_at_each_replica(found: dict[str, proxies.Command], tmp_path: Path) -> None:
    for name, file, limit in (("HAProxy", "haproxy.cfg", "maxconn 1\n"), ("nginx", "nginx.conf", "max_conns=1 ")):
        found[name](tmp_path, port=8000, replicas=PORTS)
        assert (tmp_path / file).read_text().count(limit) == len(PORTS)


def test_a_proxy_that_is_missing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "COMPILED", tmp_path)
    assert "HAProxy" not in limited_proxies(Programs("wrk", "nginx", None, None))
