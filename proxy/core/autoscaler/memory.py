"""What `decide` remembers between two looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.config import Scaling
from proxy.core.autoscaler.policies import followed, fresh_policy
from proxy.core.autoscaler.policy import Policy
from proxy.core.window import MaxWindow


@dataclass(frozen=True, slots=True)
class Memory:
    """A value; the policy's own memory is inside the policy."""

    policy: Policy
    extra: MaxWindow  # what triggers and forecasts wanted, held through the cooldown
    began: float | None = None  # the first look

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> Memory:
        return cls(fresh_policy(settings, now), MaxWindow(settings.cooldown_seconds))

    def follow(self, before: Scaling, after: Scaling, now: float) -> Memory:
        """What is still true when the settings changed."""
        policy = followed(self.policy, before, after, now)
        return replace(self, policy=policy, extra=self.extra.spanning(after.cooldown_seconds))
