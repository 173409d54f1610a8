"""From an observation to the number of replicas: the policy's wish, then the rules that hold for every policy."""

from __future__ import annotations

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Decision, Term
from proxy.core.autoscaler.expectation import forecast_term
from proxy.core.autoscaler.limits import Limits, limits_at
from proxy.core.autoscaler.line import trigger_terms
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation


def decide(settings: Scaling, seen: Observation, memory: Memory, now: float) -> tuple[Decision, Memory]:
    """Pure; called every second and at events. Times are seconds of one clock."""
    limits = limits_at(settings, seen.wall, seen.override)
    wish, policy = memory.policy.look(settings, seen, limits, now)
    extras = _extras(settings, seen)
    extra = max((term.count for term in extras), default=0)
    began = now if memory.began is None else memory.began
    memory = Memory(policy, memory.extra.add(now, min(extra, limits.max_replicas)), began)
    verdict = _Verdict((*wish.terms, *extras))
    cooling = f"not yet lower for the whole cooldown of {settings.cooldown_seconds:g} s"
    verdict.hold(wish.held, wish.why_held or cooling)
    verdict.hold(memory.extra.max, cooling)
    verdict.add_buffer(settings.buffer)
    if now - began < settings.evaluation_interval_seconds:
        verdict.keep(seen.inherited)
    verdict.clamp_to(limits)
    return Decision(verdict.count, verdict.terms, verdict.clamp, verdict.reason, wish.observed, limits), memory


def _extras(settings: Scaling, seen: Observation) -> tuple[Term, ...]:
    """What may want more beside every policy."""
    expected = () if seen.forecast is None else (forecast_term(settings, seen.forecast),)
    return (*trigger_terms(settings, seen), *expected)


class _Verdict:
    """The largest term, and one rule after the other that changes it, each with its words."""

    def __init__(self, terms: tuple[Term, ...]) -> None:
        winner = max(terms, key=lambda term: term.count)
        self.terms = terms
        self.count = winner.count
        self.clamp = ""
        self.reason = f"{winner.name} wants {winner.count}: {winner.why}"

    def hold(self, held: int, why: str) -> None:
        if held > self.count:
            self._say("cooldown", held, f"held at {held}: {why}")

    def add_buffer(self, buffer: int) -> None:
        if buffer and self.count:
            self.terms += (Term("buffer", buffer, "scaling_buffer"),)
            self._say(self.clamp, self.count + buffer, f"+ {buffer} scaling_buffer")

    def keep(self, replicas: int) -> None:
        if replicas > self.count:
            self._say("restart", replicas, f"kept at {replicas}: running since before the restart")

    def clamp_to(self, limits: Limits) -> None:
        least, most = limits.min_replicas, limits.max_replicas
        if self.count > most:
            self._say("max_replicas", most, f"clamped to max_replicas {most}{limits.why_max}")
        if self.count < least:
            self._say("min_replicas", least, f"raised to min_replicas {least}{limits.why_min}")

    def _say(self, clamp: str, count: int, words: str) -> None:
        self.clamp, self.count = clamp, count
        self.reason += f"; {words}"
