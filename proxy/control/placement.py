"""Starts and drains of one app on a machine that it shares with others."""

from __future__ import annotations

import logging

from proxy.control.lifecycle import Lifecycle
from proxy.core.capacity import Machine, Tenant
from proxy.core.replica import Replica

log = logging.getLogger("tidegate.placement")


class Placement:
    """The fleet of one app; `reason` says why fewer replicas than wanted were started last, "" if none lacks."""

    def __init__(self, lifecycle: Lifecycle, machine: Machine, tenant: Tenant) -> None:
        self.reason = ""
        self._lifecycle = lifecycle
        self._machine = machine
        self._tenant = tenant
        machine.join(tenant)

    def start_spare(self, count: int, now: float) -> int:
        """Start more than are needed, where there is room and starting is not paused; how many it might have been."""
        if not self._lifecycle.may_start(now):
            return count
        room = self._machine.spare(self._tenant, count)
        for _ in range(room):
            self._lifecycle.start_one(now)
        return room

    def start(self, count: int, now: float) -> None:
        """As many as there is room for; a protected app's may take the place of others'."""
        room = self._machine.ask(self._tenant, count if self._lifecycle.may_start(now) else 0)
        for _ in range(room.starts):
            self._lifecycle.start_one(now)
        for other, replica in room.evicted:
            log.info("%s: replica %s makes way for %s", other.name, replica.id, self._tenant.name)
            other.drain(replica, now)
            other.wake()
        if room.reason != self.reason:
            self.reason = room.reason
            if room.reason:
                log.warning("%s: %s", self._tenant.name, room.reason)

    def drain(self, replica: Replica, now: float) -> None:
        self._lifecycle.drain(replica, now)

    def send_away(self, replica: Replica, now: float) -> None:
        """Drain it by an operator's word; the scaler starts another if one is wanted."""
        log.info("%s: by hand: replica %s is drained", self._tenant.name, replica.id)
        self._lifecycle.send_away(replica, now)
        self._tenant.wake()

    def restart(self, replica: Replica, now: float) -> None:
        """Drain it and start another in its place, at once where there is room, also where it is not wanted now."""
        log.info("%s: by hand: replica %s is restarted", self._tenant.name, replica.id)
        self._lifecycle.send_away(replica, now)
        self.start(1, now)
        self._tenant.wake()

    def recall(self, now: float) -> bool:
        return self._machine.may_recall(self._tenant) and self._lifecycle.recall(now)
