"""One app as the request path sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.core.pool import Pool
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.keys import Checks, Keyring, Keys

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
    forwards_authorization: bool = False  # where it needs a key; else it is forwarded anyway
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
            forwards_authorization=config.auth.forward_authorization,
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
        self.name = terms.name
        self.pool = pool
        self.connections = connections
        self.metrics = metrics
        self.deadlines = deadlines
        self.keys: Checks = Keys(terms.name, Keyring())
        self.take(terms)

    def take(self, terms: Terms) -> None:
        """These hold from now on; a request that has its slot keeps the deadline that it was given."""
        self.terms = terms
        # Read by every request, and so not through the settings.
        self.needs_key = terms.needs_key
        self.keeps_authorization = terms.forwards_authorization or not terms.needs_key
        self.max_body_bytes = terms.max_body_bytes
        self.grace_seconds = terms.grace_seconds
        self.first_byte_seconds = terms.first_byte_seconds
        self.idle_seconds = terms.idle_seconds
        self.prefix = terms.prefix.rstrip("/").encode()
        self.hosts = frozenset(host.lower().encode() for host in terms.hosts)
        self.models = frozenset(terms.models)
