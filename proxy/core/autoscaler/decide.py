"""From an observation to the number of replicas: the policy's terms, then the rules that hold for every policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from proxy.config import Scaling
from proxy.core.autoscaler import target
from proxy.core.autoscaler.decision import Decision, Term
from proxy.core.autoscaler.observation import Memory, Observation
from proxy.core.window import MaxWindow, MeanWindow


def decide(settings: Scaling, seen: Observation, memory: Memory, now: float) -> tuple[Decision, Memory]:
    """Pure; called every second and at events. Times are seconds of one clock."""
    sample = seen.sample
    busy = seen.demand > 0 or sample.arrivals > 0 or sample.mean > 0
    memory = replace(
        memory,
        demand=memory.demand.add(now, sample.seconds, sample.mean),
        busy_at=now if busy else memory.busy_at,
    )
    idle_seconds = now - memory.busy_at
    if idle_seconds > 0 and idle_seconds >= settings.cooldown_seconds:
        # After a whole cooldown without a request, what was before it says nothing any more.
        demand = MeanWindow(settings.evaluation_interval_seconds).add(now, idle_seconds, 0.0)
        memory = replace(memory, demand=demand, wanted=MaxWindow(settings.cooldown_seconds))
        idle = Term("idle", 0, f"no request for {idle_seconds:.0f} s")
        return _conclude(settings, (idle,), 0, 0, 0.0), memory
    observed = memory.demand.mean(now)
    terms = _terms(settings, seen, observed)
    wanted = _largest(terms).count + sum(term.count for term in terms if term.name == "buffer")
    memory = replace(memory, wanted=memory.wanted.add(now, min(wanted, settings.max_replicas)))
    return _conclude(settings, terms, wanted, memory.wanted.max, observed), memory


def _terms(settings: Scaling, seen: Observation, observed: float) -> tuple[Term, ...]:
    terms = [target.concurrency(settings, observed)]
    refused = seen.sample.refused  # they wait nowhere, yet wanted a slot as much as those in line
    if seen.queued or refused:
        needed = math.ceil((seen.demand + refused) / settings.replica_concurrency)
        why = f"{seen.in_flight} in flight + {seen.queued} queued" + (f" + {refused} refused" if refused else "")
        terms.append(Term("queue", needed, f"{why} ÷ {settings.replica_concurrency} per replica"))
    if settings.buffer and _largest(terms).count > 0:
        terms.append(Term("buffer", settings.buffer, "scaling_buffer"))
    return tuple(terms)


def _largest(terms: Sequence[Term]) -> Term:
    return max((term for term in terms if term.name != "buffer"), key=lambda term: term.count)


def _conclude(settings: Scaling, terms: tuple[Term, ...], wanted: int, held: int, observed: float) -> Decision:
    winner = _largest(terms)
    reason = f"{winner.name} wants {winner.count}: {winner.why}"
    if wanted != winner.count:
        reason += f"; + {wanted - winner.count} scaling_buffer"
    desired, clamp = wanted, ""
    if held > wanted:
        desired, clamp = held, "cooldown"
        reason += f"; held at {held}: not yet lower for the whole cooldown of {settings.cooldown_seconds:g} s"
    if desired > settings.max_replicas:
        desired, clamp = settings.max_replicas, "max_replicas"
        reason += f"; clamped to max_replicas {desired}"
    if desired < settings.min_replicas:
        desired, clamp = settings.min_replicas, "min_replicas"
        reason += f"; raised to min_replicas {desired}"
    return Decision(desired, terms, clamp, reason, observed)
