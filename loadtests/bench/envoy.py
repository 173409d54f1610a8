"""Envoy's configuration: one listener, one route, one cluster."""

from __future__ import annotations

import json
from pathlib import Path

TYPE = "type.googleapis.com/envoy.extensions.filters"
MANY = 1_000_000


def proxy(program: str, folder: Path, port: int, backend_port: int) -> list[str]:
    config = folder / "envoy.json"
    resources = {"listeners": [_listener(port)], "clusters": [_cluster(backend_port)]}
    config.write_text(json.dumps({"static_resources": resources}))
    return [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(port: int) -> dict[str, object]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "backend", "timeout": "0s"}}
    router = {"name": "router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": "bench", "address": _address(port), "filter_chains": [chain]}


def _cluster(backend_port: int) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _address(backend_port)}}
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), MANY)
    return {
        "name": "backend",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [limits]},
    }
