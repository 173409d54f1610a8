"""All apps, and which of them a request is for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import orjson

from proxy.core.allowance import Allowance
from proxy.errors import AppNotFound
from proxy.net.deadlines import Deadlines
from proxy.net.passage import NOBODY
from proxy.net.service import Route, Service
from proxy.wire.request import Request


class Site:
    """All apps: routes by /v4/{project}/{app}/, host, longest prefix, then the model field of a JSON body."""

    def __init__(self, services: Sequence[Service], deadlines: Deadlines) -> None:
        self.draining = False
        self.deadlines = deadlines
        # May send a request of an app elsewhere; asked once for each head that is not like the one before it.
        self.aside: Callable[[Request, Service, bytes], Route] | None = None
        self.audience = NOBODY  # set before the first client comes
        self._requests = 0  # that were given an id
        self._request_prefix = secrets.token_hex(8)
        self.serve(services)

    def serve(self, services: Sequence[Service]) -> None:
        """Route to these from now on."""
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

    def admit(self, request: Request, service: Service, now: float) -> Allowance | None:
        """To an app that needs a key: who has it. Raises Unauthorized, Forbidden or RateLimited."""
        return service.keys.admit(request.authorization, now, service.pool.service_seconds)

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
