"""One app on its way from a revision to the next: prepared, rolled over, and back if the new one does not get ready."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from proxy.control.lifecycle import Lifecycle
from proxy.control.placement import Placement
from proxy.control.revision import Revision
from proxy.core.pool import Pool
from proxy.core.rollout import Step, plan
from proxy.errors import StartError

log = logging.getLogger("tidegate.rollout")


class Rollout:
    """Owns which revision is next and which one to go back to.

    `switched` is called when replicas of another revision are started from now on; `told` with what people should
    know, and whether it is the good end of it.
    """

    def __init__(self, name: str, lifecycle: Lifecycle, pool: Pool, fleet: Placement, tasks: asyncio.TaskGroup) -> None:
        self.failure = ""  # why the last one was rolled back, until another is in service
        self.seconds = 0.0  # over which replicas are replaced
        self.switched: Callable[[], None] = lambda: None
        self.told: Callable[[str, bool], None] = lambda _text, _over: None
        self._name = name
        self._lifecycle = lifecycle
        self._pool = pool
        self._fleet = fleet
        self._tasks = tasks
        self._numbers = lifecycle.revision.number
        self._candidate: Revision | None = None  # while it is prepared
        self._preparing: asyncio.Task[None] | None = None
        self._fallback: Revision | None = None
        self._began: float | None = None  # None: at once, as what goes back does
        self._unfinished = False
        self._troubled = False  # people were told of one that was rolled back

    # What is asked

    @property
    def running(self) -> bool:
        """There are replicas that are to be replaced."""
        return any(replica.wanted and replica.revision != self._lifecycle.revision.number for replica in self._pool)

    @property
    def state(self) -> str:
        if self._candidate is not None:
            return "preparing"
        if self.running:
            return "rolling back" if self.failure and self._began is None else "rolling over"
        if self.failure:
            return "rolled back"
        return "in service" if self._lifecycle.revision.proven else "not started"

    @property
    def reason(self) -> str:
        """For a decision about the number of replicas: why there are others than it says."""
        if not self.running:
            return ""
        number, wanted = self._lifecycle.revision.number, [one for one in self._pool if one.wanted]
        new = sum(replica.revision == number for replica in wanted)
        return f"{self.state} to revision {number}: {new} of {len(wanted)} replicas are of it"

    def view(self) -> dict[str, object]:
        """As plain values, for the API."""
        revision = self._lifecycle.revision
        return {"number": revision.number, "state": self.state, "reason": self.failure or self.reason}

    # What is wanted

    @property
    def next_number(self) -> int:
        """What the next revision is called; it is taken once its replicas are started."""
        return self._numbers + 1

    def propose(self, candidate: Revision, anyway: bool = False) -> asyncio.Task[None]:
        """Prepare it, then roll over to it if its replicas are unlike those of today, or `anyway`."""
        self.supersede()
        self._candidate = candidate
        self._preparing = self._tasks.create_task(self._prepare(candidate, anyway))
        return self._preparing

    def supersede(self) -> None:
        """Whatever was being prepared is not wanted any more."""
        if self._preparing is not None and self._candidate is not None:
            self._preparing.cancel()
            self._tasks.create_task(self._candidate.preparation.close())
        self._candidate = self._preparing = None

    async def _prepare(self, candidate: Revision, anyway: bool) -> None:
        try:
            await candidate.prepare()
            found = await candidate.backend.find()
        except StartError as error:
            self._candidate = None
            self._fail(candidate, str(error))
            return
        except Exception as error:  # a mistake of ours in one reload does not end the serving
            log.exception("%s: revision %d", self._name, candidate.number)
            self._candidate = None
            self._fail(candidate, f"internal error: {error!r}")
            return
        self._candidate = None
        self._settle(candidate, anyway)
        for one in found:
            self._lifecycle.take_over(one, time.monotonic())

    def _settle(self, candidate: Revision, anyway: bool) -> None:
        current, fallback = self._lifecycle.revision, self._fallback
        if not anyway and candidate.identity == current.identity:
            self._lifecycle.take(candidate)
            self._keep(current)
        elif not anyway and fallback is not None and candidate.identity == fallback.identity:
            fallback.take(candidate)
            self._fallback = None
            self._begin(fallback, None)
        else:
            self._numbers = candidate.number
            self._fallback = current if current.proven else fallback
            candidate.recovery.rescue = lambda reason: self._rescue(candidate, reason)
            self._begin(candidate, time.monotonic())
        self.switched()

    def _keep(self, current: Revision) -> None:
        self.failure = ""
        self._calm(f"revision {current.number} is what is configured again")
        log.info("%s: its replicas stay as they are", self._name)

    def _begin(self, revision: Revision, began: float | None) -> None:
        self.failure, self._began, self._unfinished = "", began, True
        rescue = revision.recovery.rescue
        self._lifecycle.begin(revision)
        revision.recovery.rescue = rescue
        log.info("%s: rolling over to revision %d", self._name, revision.number)

    def _rescue(self, candidate: Revision, reason: str) -> bool:
        """Starting its replicas keeps failing: go back to what is known to work."""
        fallback = self._fallback
        if fallback is None or candidate is not self._lifecycle.revision:
            return False
        self._fallback, self._began, self._unfinished = None, None, False
        self._lifecycle.begin(fallback)
        self._fail(candidate, reason)
        self.switched()
        return True

    def _fail(self, candidate: Revision, reason: str) -> None:
        kept = self._lifecycle.revision.number
        self.failure = f"revision {candidate.number} was rolled back, revision {kept} stays: {reason}"
        log.error("%s: %s", self._name, self.failure)
        self._troubled = True
        self.told(self.failure, False)

    def _calm(self, text: str) -> None:
        """Told only to those who were told of a trouble."""
        if self._troubled:
            self.told(text, True)
        self._troubled = False

    # What is done

    def step(self, desired: int, now: float) -> bool:
        """Replace what can be replaced now; false if there is nothing to replace."""
        if not self.running:
            self._finish()
            return False
        number = self._lifecycle.revision.number
        self._apply(plan(desired, self._pool, number, self._share(now)), now)
        return True

    def _apply(self, step: Step, now: float) -> None:
        for replica in step.drain:
            self._lifecycle.drain(replica, now)
        self._fleet.start(step.start, now)
        if step.spare and not self._fleet.start_spare(step.spare, now) and step.way is not None:
            log.info("%s: no room for one more: replica %s makes way first", self._name, step.way.id)
            self._lifecycle.drain(step.way, now)

    def _share(self, now: float) -> float:
        if self._began is None or not self.seconds:
            return 1.0
        return min(1.0, (now - self._began) / self.seconds)

    def _finish(self) -> None:
        revision = self._lifecycle.revision
        if self._unfinished and revision.proven:
            self._unfinished, self._fallback = False, None
            text = f"revision {revision.number} is in service"
            log.info("%s: %s", self._name, text)
            self._calm(text)
