"""One app as the request path sees it, and the site: which app a request is for (section "A request's way")."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import orjson

from proxy.core.pool import Pool
from proxy.errors import AppNotFound
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.keys import Keys
from proxy.wire.request import Request

if TYPE_CHECKING:  # settings are pydantic models, which the container entrypoint has no time to import
    from proxy.config import AppConfig

Route = tuple["Service", bytes]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request has to know of its app's settings; 0 for `max_body_bytes` is no limit."""

    name: str
    grace_seconds: float
    first_byte_seconds: float
    idle_seconds: float
    queue_seconds: float
    max_body_bytes: int = 0
    needs_key: bool = False
    prefix: str = ""
    hosts: Sequence[str] = ()
    models: Sequence[str] = ()

    @classmethod
    def of(cls, config: AppConfig) -> Terms:
        return cls(
            name=config.name,
            grace_seconds=config.scaling.response_grace_period_seconds,
            first_byte_seconds=config.timeouts.first_byte_seconds,
            idle_seconds=config.timeouts.idle_seconds,
            queue_seconds=config.queue.timeout_seconds,
            max_body_bytes=config.limits.max_body_bytes,
            needs_key=not config.deployment.disable_auth,
            prefix=config.routing.prefix,
            hosts=config.routing.hosts,
            models=config.routing.models,
        )


class Counters(Protocol):
    """Who is told how requests went."""

    def waited(self, seconds: float) -> None: ...

    def finished(self, status: int, seconds: float) -> None: ...


class Service:
    """What a request needs of its app: settings, pool, connections to the replicas, counters."""

    def __init__(
        self, terms: Terms, pool: Pool, connections: Connections, metrics: Counters, deadlines: Deadlines
    ) -> None:
        self.terms = terms
        self.name = terms.name
        self.pool = pool
        self.connections = connections
        self.metrics = metrics
        self.deadlines = deadlines
        self.keys = Keys(())
        # Read by every request, and so not through the settings.
        self.needs_key = terms.needs_key
        self.max_body_bytes = terms.max_body_bytes
        self.grace_seconds = terms.grace_seconds
        self.first_byte_seconds = terms.first_byte_seconds
        self.idle_seconds = terms.idle_seconds
        self.prefix = terms.prefix.rstrip("/").encode()
        self.hosts = frozenset(host.lower().encode() for host in terms.hosts)
        self.models = frozenset(terms.models)


class Site:
    """All apps: routes by /v4/{project}/{app}/, host, longest prefix, then the model field of a JSON body."""

    def __init__(self, services: Sequence[Service], deadlines: Deadlines) -> None:
        self.draining = False
        self.deadlines = deadlines
        # May send a request of an app elsewhere; asked once for each head that is not like the one before it.
        self.aside: Callable[[Request, Service, bytes], Route] | None = None
        self._requests = 0  # that were given an id
        self._request_prefix = secrets.token_hex(8)
        self._only = services[0] if len(services) == 1 else None
        self._by_name = {service.name.encode(): service for service in services}
        self._by_host = {host: service for service in services for host in service.hosts}
        self._by_prefix = sorted(
            (service for service in services if service.prefix), key=lambda service: len(service.prefix), reverse=True
        )
        self._catch_all = next((service for service in services if service.terms.prefix == "/"), None)
        self._by_model = {model: service for service in services for model in service.models}

    def next_request_id(self) -> bytes:
        """Unique, at the price of a counter: a random start of this process and a number."""
        self._requests += 1
        return f"{self._request_prefix}-{self._requests}".encode()

    def route(self, request: Request) -> Route | None:
        """The app and the target it gets; None if only the body can tell. Raises AppNotFound."""
        found = self._find(request)
        return found if found is None or self.aside is None else self.aside(request, *found)

    def _find(self, request: Request) -> Route | None:
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
        return (service, request.target) if self.aside is None else self.aside(request, service, request.target)

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
