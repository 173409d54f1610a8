"""What an operator does to one replica: drain it, or restart it."""

from __future__ import annotations

import time

from proxy.admin.apps import AdminApp
from proxy.admin.views import Document, replica_view
from proxy.core.replica import Replica
from proxy.errors import BadRequest, ReplicaNotFound


def drained(app: AdminApp, replica_id: str) -> Document:
    """The replica, draining; one that drains already goes on to. Raises ReplicaNotFound, BadRequest."""
    replica = _ours(app, replica_id)
    app.fleet.send_away(replica, time.monotonic())
    return replica_view(app, replica)


def restarted(app: AdminApp, replica_id: str) -> Document:
    """The replica, draining, while another takes its place. Raises ReplicaNotFound, BadRequest."""
    replica = _ours(app, replica_id)
    if not replica.wanted:
        raise BadRequest(f"replica {replica_id} is {replica.state.value}: only one that is in service can be restarted")
    app.fleet.restart(replica, time.monotonic())
    return replica_view(app, replica)


def _ours(app: AdminApp, replica_id: str) -> Replica:
    name = app.config.name
    if app.backend == "static":
        raise BadRequest(f"{name} has the static backend: its replicas are started and ended by somebody else")
    replica = app.pool.get(replica_id)
    if replica is None:
        there = ", ".join(one.id for one in app.pool) or "none"
        raise ReplicaNotFound(f"{name} has no replica {replica_id}; there are: {there}")
    return replica
