"""From one revision of an app's replicas to the next: who starts and who drains now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proxy.core.autoscaler.victims import victims
from proxy.core.replica import Replica, State

# Above the wanted number, as a Deployment of Kubernetes has it unless told otherwise (maxSurge).
SURGE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Step:
    """What to do at one look.

    `start` replicas of the new revision are missing for the demand; `spare` ones come on top, before old ones go; where
    there is no room for any, `way` goes first.
    """

    start: int = 0
    spare: int = 0
    drain: tuple[Replica, ...] = ()
    way: Replica | None = None


def plan(desired: int, replicas: Iterable[Replica], revision: int, share: float) -> Step:
    """Replace what is not of `revision`; by now `share` (0 to 1) of the replicas may be new, and always one more.

    Old ones go only as far as new ones are ready, so that as many serve as are wanted.
    """
    present = list(replicas)
    new = [replica for replica in present if replica.wanted and replica.revision == revision]
    old = [replica for replica in present if replica.wanted and replica.revision != revision]
    ready = sum(replica.routable for replica in new)
    missing = max(0, desired - len(new) - len(old))
    due = min(desired, int(desired * share) + 1) - len(new) - missing
    spare = max(0, min(due, desired + surge(desired) - len(new) - len(old) - missing))
    leaving = _least_useful_first(old)
    surplus = max(0, ready + len(old) - desired)
    under_way = missing or ready < len(new) or any(replica.state is State.DRAINING for replica in present)
    return Step(
        start=missing,
        spare=spare,
        drain=(*leaving[:surplus], *victims(new, max(0, len(new) - desired))),
        way=leaving[0] if spare and leaving and not under_way else None,
    )


def surge(desired: int) -> int:
    """How many more than wanted there may be for the time of a roll-out."""
    return max(1, math.ceil(desired * SURGE_SHARE))


def _least_useful_first(old: Sequence[Replica]) -> list[Replica]:
    serving = [replica for replica in old if replica.routable]
    others = [replica for replica in old if not replica.routable]
    return [*victims(others, len(others)), *victims(serving, len(serving))]
