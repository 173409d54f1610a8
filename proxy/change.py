"""Other settings for one app that is served: checked as a whole first, then applied in one step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.backends.base import Backend
from proxy.backends.choose import make_backend
from proxy.config import AppConfig
from proxy.config.difference import difference
from proxy.control.revision import Revision
from proxy.core.autoscaler.policies import needs_journal
from proxy.core.balancers.base import Balancer
from proxy.core.journal import JournaledPool
from proxy.net.service import Terms
from proxy.wiring import App, Options, is_protected, load_balancer, make_prober, settled, thresholds

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction


class Change:
    """Without effect until `apply`; `warnings` are sentences about what it cannot change."""

    def __init__(self, app: App, config: AppConfig, options: Options, tasks: asyncio.TaskGroup) -> None:
        self.app = app
        self.warnings: list[str] = []
        self._backend_name = config.backend or options.backend
        self._config = self._possible(settled(config, self._backend_name))
        self._keep = options.keep_replicas
        self._tasks = tasks
        self.keys = difference(app.config, self._config)
        self._balancer: Balancer | None = None
        self._backend: Backend
        self._fresh = self._backend_name not in app.roots

    async def check(self) -> None:
        """Raises UserError for what cannot work."""
        app, config = self.app, self._config
        if config.scaling.load_balancing_algorithm != app.config.scaling.load_balancing_algorithm:
            self._balancer = load_balancer(config)
        if self._fresh:
            self._backend = make_backend(self._backend_name, config, self._tasks)
        else:
            self._backend = app.roots[self._backend_name].revise(config)
        try:
            await app.check_backend(self._backend, self._backend_name, self._keep)
        except BaseException:  # also when cancelled: what was opened for a change that is not made is closed
            await self.drop()
            raise

    async def drop(self) -> None:
        """It is not applied after all."""
        if self._fresh:
            await self._backend.close()

    def prediction(self, fresh: Prediction | None) -> Prediction | None:
        """The app's own goes on, unless its users live by another clock now."""
        before, after = self.app.config.scaling.schedule, self._config.scaling.schedule
        same_clock = [rule.timezone for rule in before[:1]] == [rule.timezone for rule in after[:1]]
        return self.app.prediction if fresh and self.app.prediction and same_clock else fresh

    def apply(self, prediction: Prediction | None, anyway: bool) -> asyncio.Task[None] | None:
        """What no replica has to be replaced for, at once; the task prepares the rest."""
        app, config = self.app, self._config
        others = app.backend_name == self._backend_name == "static"  # they run by themselves, before and after
        app.config = app.seen.config = config
        app.backend_name = app.seen.backend = self._backend_name
        app.service.take(Terms.of(config))
        app.connections.connect_seconds = config.timeouts.connect_seconds
        app.pool.queue.limit = config.queue.max_length
        if self._balancer is not None:
            app.pool.balance(self._balancer)
        app.watch.configure(thresholds(config), config.notify)
        app.tenant.protected = is_protected(config)
        app.rollout.seconds = config.scaling.roll_out_duration_seconds
        revision = self._revision()
        if others:
            app.lifecycle.take(revision)
        app.lifecycle.configure(config)
        if others:
            app.let_go(config.static.replicas)
        app.steer_by(config, prediction)
        return None if others else app.rollout.propose(revision, anyway)

    def _revision(self) -> Revision:
        app = self.app
        if self._fresh:
            app.roots[self._backend_name] = self._backend
            app.lifecycle.own(self._backend)
        prober = make_prober(self._config, self._backend, self._backend_name)
        number = app.rollout.next_number
        return Revision(number, self._config, self._backend, prober, app.pool, self._tasks)

    def _possible(self, config: AppConfig) -> AppConfig:
        """The policy that needs every request's steps cannot begin with a pool that does not write them down."""
        if not needs_journal(config.scaling) or isinstance(self.app.pool, JournaledPool):
            return config
        policy = self.app.config.scaling.policy
        self.warnings.append(
            f'{config.file}: tidegate.scaling.policy = "{config.scaling.policy}" takes effect when `tidegate up` is '
            f'started again: until then it stays "{policy}"'
        )
        return replace(config, scaling=config.scaling.model_copy(update={"policy": policy}))
