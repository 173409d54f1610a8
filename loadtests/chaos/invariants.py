"""What has to hold in every scenario, found out when it is over."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from chaos.load import AWAY, REFUSED, STUCK, WHOLE, WRONG, Outcome
from chaos.proxy import Sample
from chaos.scenario import Scenario
from chaos.setting import LIMIT
from chaos.stage import Stage

# Idle connections to replicas are closed after 4 s, those of runs after 15; what probes need comes and goes.
QUIET_SECONDS = 20.0
ENOUGH = 20
AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Finding:
    """One row of the table; `faults` are the promises that were broken, in words."""

    scenario: str
    requests: int = 0
    refused: int = 0  # in words, as promised
    lost_begun: int = 0
    lost_not_begun: int = 0
    over_limit: int = 0
    leaked: dict[str, int] = field(default_factory=dict)
    recovery_seconds: float = 0.0
    bound_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def verdict(self) -> str:
        return "skipped" if self.skipped else "FAIL" if self.faults else "PASS"

    def leaks(self, what: str) -> int:
        return self.leaked.get(what, 0)


async def recovered(stage: Stage, bound_seconds: float) -> None:
    """Let the load go on until it has its answers again, or that takes too long, and a little after that."""
    ends = stage.fault_ends + bound_seconds + 5
    while len(stage.load.since(stage.fault_ends, WHOLE)) < ENOUGH and time.monotonic() < ends:
        await asyncio.sleep(0.02)
    await asyncio.sleep(AFTER_SECONDS)


def recovery_seconds(stage: Stage) -> float:
    """From the end of the fault until the last failure, or the first answer to a request that came later."""
    ends = stage.fault_ends
    whole = stage.load.since(ends, WHOLE)
    first = min((one.ended for one in whole), default=ends + 999) - ends
    last = max((one.ended for one in stage.load.outcomes if one.kind != WHOLE), default=ends) - ends
    return max(0.0, first if last <= 0 else max(first, last))


async def usual(stage: Stage) -> Sample:
    """Of a proxy under load, before the fault: connections that end while it is taken make a sample too small."""
    samples = [await asyncio.to_thread(stage.proxy.sample) for _ in range(5)]
    return max(samples, key=lambda sample: sample.descriptors)


async def quiet(stage: Stage, before: Sample) -> Sample:
    """The last sample of a proxy that nobody asks any more; at once when it is as it was."""
    ends = time.monotonic() + QUIET_SECONDS
    while True:
        sample = await asyncio.to_thread(stage.proxy.sample)
        if not any(leaks(before, sample).values()) or time.monotonic() > ends:
            return sample
        await asyncio.sleep(0.2)


def leaks(before: Sample, after: Sample) -> dict[str, int]:
    """How much more there is than before; what may come and go by itself is not counted."""
    return {
        "slots": after.slots,
        "tasks": max(0, after.tasks - before.tasks),
        "descriptors": max(0, after.descriptors - before.descriptors),
        "connections": after.clients + after.links,
        "replicas": max(0, after.replicas - before.replicas),
    }


def judge(stage: Stage, scenario: Scenario, finding: Finding) -> None:
    """Fill the finding from what the clients and the replicas have seen."""
    outcomes, begun = stage.load.outcomes, stage.proxy.journal.begun()
    unheard = [one for one in outcomes if one.kind == AWAY]
    lost = [one for one in outcomes if one.kind not in {WHOLE, AWAY}]
    lost_begun = [one for one in lost if one.key in begun]
    refused = [one for one in lost if one.key not in begun and one.kind == REFUSED and one.status in scenario.refusals]
    finding.requests, finding.refused = len(outcomes) - len(unheard), len(refused)
    finding.lost_begun, finding.lost_not_begun = len(lost_begun), len(lost) - len(lost_begun) - len(refused)
    finding.over_limit = max(0, stage.proxy.journal.most() - LIMIT)
    finding.recovery_seconds = recovery_seconds(stage)
    found = finding.faults
    _say(found, [one for one in outcomes if one.kind in {WRONG, STUCK}], "looked whole and was not, or never ended")
    if not scenario.loses:
        _say(found, lost_begun, "were lost that a replica had begun")
    if not scenario.breaks:
        _say(found, [one for one in lost if one not in lost_begun and one not in refused], "were lost unbegun")
    if not scenario.away:
        _say(found, unheard, "found nobody who accepts")
    twice = [one.key for one in outcomes if begun[one.key] > 1 and one.key.startswith("POST")]
    if twice:
        found.append(f"{len(twice)} POSTs reached a replica twice: {twice[0]}")
    if finding.over_limit:
        found.append(f"a replica had {finding.over_limit} requests over its limit")
    if finding.recovery_seconds > scenario.bound_seconds:
        found.append(f"recovery took {finding.recovery_seconds:.1f} s, more than {scenario.bound_seconds:g} s")
    found += [f"{count} leaked {what}" for what, count in finding.leaked.items() if count]
    tracebacks = sum(proxy.tracebacks() for proxy in stage.proxies)
    if tracebacks:
        found.append(f"{tracebacks} tracebacks in the log")


def _say(found: list[str], outcomes: list[Outcome], what: str) -> None:
    if outcomes:
        one = outcomes[0]
        found.append(f"{len(outcomes)} {what}, as {one.key}: {one.kind} {one.status or ''} {one.what}")
