"""Reading the configuration again while it is served: all of it is used, or none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from proxy.admission import Admission
from proxy.backends.environment import withhold
from proxy.change import Change
from proxy.config import AppConfig, load_all
from proxy.control.machine import make_machine
from proxy.core.capacity import Machine, Resources
from proxy.errors import UserError
from proxy.net.keys import Keys
from proxy.wiring import App, Options

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction

log = logging.getLogger("tidegate.reload")

# Most revisions are prepared within that; whoever asked is told what came of it.
_PREPARED_SECONDS = 1.0
# Settings that say who may use an app; the rest leaves those alone, and what is counted of them.
_AUTH = {"deployment.disable_auth", "auth.jwt"}

# JSON documents: their values are of any type that JSON has.
Document = dict[str, Any]


class Served(Protocol):
    """Who serves the apps."""

    apps: list[App]
    options: Options
    tasks: asyncio.TaskGroup
    machine: Machine
    admission: Admission

    @property
    def ending(self) -> bool: ...

    def make(self, config: AppConfig, prediction: Prediction | None) -> App: ...

    def begin(self, app: App) -> None: ...

    def leave(self, app: App) -> None: ...

    def route(self) -> None: ...


class Reload:
    """One at a time; who asks while one runs waits for the next."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._one = asyncio.Lock()
        self._open = asyncio.Event()

    def open(self) -> None:
        """All is served by now: it may change."""
        self._open.set()

    def request(self) -> None:
        """Reload beside all else; a mistake is one sentence in the log."""
        self._served.tasks.create_task(self._logged())

    async def _logged(self) -> None:
        try:
            await self.run()
        except UserError as error:
            log.error("nothing is reloaded: %s", error)
        except Exception:  # a mistake of ours in a reload does not end the serving
            log.exception("nothing is reloaded")

    async def run(self, anyway: bool = False) -> Document:
        """What came of it, by app; `anyway` replaces all replicas. Raises UserError, and then nothing has changed."""
        await self._open.wait()
        async with self._one:
            self._check_serving()
            configs = await asyncio.to_thread(load_all, self._served.options.paths)
            withhold(configs)
            limit = await asyncio.to_thread(self._limit, configs)
            predictions = await asyncio.to_thread(predictions_of, configs)
            plan = await self._checked(configs, predictions)
            proposals = self._applied(plan, limit, predictions, anyway)
            pending = [task for task in proposals.values() if task is not None]
            if pending:
                await asyncio.wait(pending, timeout=_PREPARED_SECONDS)
            return self._outcome(plan)

    def _check_serving(self) -> None:
        if self._served.ending:
            raise UserError("tidegate up is shutting down: nothing is reloaded any more")

    def _limit(self, configs: Sequence[AppConfig]) -> Resources:
        options = self._served.options
        return make_machine(options.offer, [(one, one.backend or options.backend) for one in configs]).limit

    async def _checked(self, configs: Sequence[AppConfig], predictions: Mapping[str, Prediction]) -> Plan:
        """Raises UserError, and takes back what was made."""
        served = self._served
        running = {app.config.name: app for app in served.apps}
        plan = Plan([app for name, app in running.items() if name not in {config.name for config in configs}])
        try:
            for config in configs:
                if config.name in running:
                    change = Change(running[config.name], config, served.options, served.tasks)
                    await change.check()
                    plan.changes.append(change)
                    if _AUTH & {".".join(key.split(".")[:2]) for key in change.keys}:
                        plan.keys[change] = served.admission.keys_of(config)
                else:
                    plan.added.append(served.make(config, predictions.get(config.name)))
                    await plan.added[-1].check(served.options.keep_replicas)
            self._check_serving()  # still: what is begun while all ends would not be ended
        except BaseException:
            await self._take_back(plan)
            raise
        return plan

    async def _take_back(self, plan: Plan) -> None:
        for change in plan.changes:
            await change.drop()
        for app in plan.added:
            self._served.apps.remove(app)
            app.end()
            self._served.admission.close(app.service)
            await app.lifecycle.end(keep=False)

    def _applied(
        self, plan: Plan, limit: Resources, predictions: Mapping[str, Prediction], anyway: bool
    ) -> dict[str, asyncio.Task[None] | None]:
        """In one step: no request sees half of it."""
        served = self._served
        served.machine.limit = limit
        proposals = {}
        for change in plan.changes:
            name = change.app.config.name
            proposals[name] = change.apply(change.prediction(predictions.get(name)), anyway)
            if change in plan.keys:
                served.admission.open(change.app.service, plan.keys[change])
        for app in plan.removed:
            served.leave(app)
        for app in plan.added:
            served.begin(app)
        served.route()
        _say(plan)
        return proposals

    def _outcome(self, plan: Plan) -> Document:
        changed = [
            {
                "app": change.app.config.name,
                "changed": list(change.keys),
                "revision": change.app.rollout.view(),
                "warnings": change.warnings,
            }
            for change in plan.changes
        ]
        return {
            "apps": changed,
            "added": [app.config.name for app in plan.added],
            "removed": [app.config.name for app in plan.removed],
        }


class Plan:
    """What a reload does to which app."""

    def __init__(self, removed: list[App]) -> None:
        self.removed = removed
        self.added: list[App] = []
        self.changes: list[Change] = []
        self.keys: dict[Change, Keys] = {}  # where others are to open the app


def _say(plan: Plan) -> None:
    for change in plan.changes:
        name, keys = change.app.config.name, ", ".join(change.keys)
        log.info("%s: reloaded: %s", name, f"{keys} changed" if keys else "no setting has changed")
        for warning in change.warnings:
            log.warning("%s", warning)
    for what, apps in (("is served from now on", plan.added), ("is not served any more, and drains", plan.removed)):
        for app in apps:
            log.info("%s: reloaded: %s", app.config.name, what)


def predictions_of(configs: Sequence[AppConfig]) -> Mapping[str, Prediction]:
    """Of those with `predictive`, by name."""
    if not any(config.scaling.predictive for config in configs):
        return {}
    from proxy.control.prediction import make_predictions  # loads numpy

    return make_predictions(configs)
