"""One app as the request path sees it, and the site: which app a request is for (section "A request's way")."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import orjson

from proxy.config import AppConfig
from proxy.core.pool import Pool
from proxy.errors import AppNotFound
from proxy.metrics import AppMetrics
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.keys import Keys
from proxy.wire.request import Request

Route = tuple["Service", bytes]


class Service:
    """What a request needs of its app: settings, pool, connections to the replicas, counters."""

    def __init__(
        self, config: AppConfig, pool: Pool, connections: Connections, metrics: AppMetrics, deadlines: Deadlines
    ) -> None:
        self.config = config
        self.name = config.name
        self.pool = pool
        self.connections = connections
        self.metrics = metrics
        self.deadlines = deadlines
        self.keys = Keys(())
        # Read by every request, and so not through the settings.
        self.needs_key = not config.deployment.disable_auth
        self.max_body_bytes = config.limits.max_body_bytes
        self.grace_seconds = config.scaling.response_grace_period_seconds
        self.first_byte_seconds = config.timeouts.first_byte_seconds
        self.idle_seconds = config.timeouts.idle_seconds
        self.prefix = config.routing.prefix.rstrip("/").encode()
        self.hosts = frozenset(host.lower().encode() for host in config.routing.hosts)
        self.models = frozenset(config.routing.models)


class Site:
    """All apps: routes by /v4/{project}/{app}/, host, longest prefix, then the model field of a JSON body."""

    def __init__(self, services: Sequence[Service], deadlines: Deadlines) -> None:
        self.draining = False
        self.deadlines = deadlines
        self._requests = 0  # that were given an id
        self._request_prefix = secrets.token_hex(8)
        self._only = services[0] if len(services) == 1 else None
        self._by_name = {service.name.encode(): service for service in services}
        self._by_host = {host: service for service in services for host in service.hosts}
        self._by_prefix = sorted(
            (service for service in services if service.prefix), key=lambda service: len(service.prefix), reverse=True
        )
        self._catch_all = next((service for service in services if service.config.routing.prefix == "/"), None)
        self._by_model = {model: service for service in services for model in service.models}

    def next_request_id(self) -> bytes:
        """Unique, at the price of a counter: a random start of this process and a number."""
        self._requests += 1
        return f"{self._request_prefix}-{self._requests}".encode()

    def route(self, request: Request) -> Route | None:
        """The app and the target it gets; None if only the body can tell. Raises AppNotFound."""
        target = request.target
        found = self._named(target) or self._hosted(request.host, target) or self._prefixed(target)
        if found is not None:
            return found
        if self._only is not None:
            return self._only, target
        if self._by_model and not request.bodiless:
            return None
        raise AppNotFound("no app here matches this request")

    def route_by_model(self, request: Request, body: bytes) -> Route:
        """Raises AppNotFound."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        model = document.get("model") if isinstance(document, dict) else None
        service = self._by_model.get(model) if isinstance(model, str) else None
        if service is None:
            raise AppNotFound("no app here matches this request")
        return service, request.target

    def _named(self, target: bytes) -> Route | None:
        if not target.startswith(b"/v4/"):
            return None
        path, mark, query = target.partition(b"?")
        parts = path.split(b"/", 4)
        service = self._by_name.get(parts[3]) if len(parts) > 3 else None
        if service is None:
            return None
        return service, b"/" + (parts[4] if len(parts) > 4 else b"") + mark + query

    def _hosted(self, host: bytes | None, target: bytes) -> Route | None:
        if not self._by_host or host is None:
            return None
        name = host if host.endswith(b"]") else host.rsplit(b":", 1)[0]
        service = self._by_host.get(name.lower())
        return None if service is None else (service, _stripped(service.prefix, target) or target)

    def _prefixed(self, target: bytes) -> Route | None:
        for service in self._by_prefix:
            stripped = _stripped(service.prefix, target)
            if stripped is not None:
                return service, stripped
        return None if self._catch_all is None else (self._catch_all, target)


def _stripped(prefix: bytes, target: bytes) -> bytes | None:
    """The target without the prefix, if it begins with those path segments."""
    if not prefix or not target.startswith(prefix):
        return None
    rest = target[len(prefix) :]
    if not rest or rest[:1] == b"?":
        return b"/" + rest
    return rest if rest[:1] == b"/" else None
