"""What the soak found: the table of samples, and a line PASS or FAIL for each promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.proxy import Proxy, Sample
from chaos.soak_faults import Faults
from chaos.soak_traffic import Mishap, Traffic

LIMIT = 4
FLAT_WITHIN = 5
TASKS_WITHIN = 2
RSS_MIB_PER_MINUTE = 1.0
SHOWN = 10
# A replica's crash may be seen by a request whose client measured its start a little later.
CRASH_SECONDS = 0.2
MIB = 1 << 20


def table(samples: Sequence[Sample]) -> str:
    rows = ["second  in flight  queued  at replicas  replicas  clients  ours  links  descriptors  tasks  RSS MiB"]
    rows += [
        f"{one.second:6.0f} {one.in_flight:10} {one.queued:7} {one.replica_in_flight:12} {one.replicas:9} "
        f"{one.clients:8} {one.ours:5} {one.links:6} {one.descriptors:12} {one.tasks:6} {one.rss_bytes / MIB:8.1f}"
        for one in samples
    ]
    return "\n".join(rows)


def rss_slope(samples: Sequence[Sample]) -> float:
    """MiB per minute over the second half: least squares."""
    half = samples[len(samples) // 2 :]
    seconds = sum(one.second for one in half) / len(half)
    rss = sum(one.rss_bytes for one in half) / len(half)
    spread = sum((one.second - seconds) ** 2 for one in half)
    together = sum((one.second - seconds) * (one.rss_bytes - rss) for one in half)
    return together / spread * 60 / MIB if spread else 0.0


class Verdict:
    """Prints each line as it is found; `failed` if any is FAIL."""

    def __init__(self) -> None:
        self.failed = False

    def line(self, passed: bool, promise: str, found: object) -> None:
        self.failed |= not passed
        print(f"{'PASS' if passed else 'FAIL'}  {promise}: {found}")


def judge(
    samples: Sequence[Sample], proxy: Proxy, traffic: Traffic, faults: Faults, exit_code: int, *, steady_rss: bool
) -> bool:
    """Whether all is well; the first sample was taken before the traffic, the last long after it."""
    verdict = Verdict()
    slots = [one.slots for one in samples]
    verdict.line(not any(slots), "no leaked slot", f"{max(slots)} taken in a pause")
    _descriptors(verdict, samples)
    most = proxy.journal.most()
    verdict.line(0 < most <= LIMIT, "no replica over its limit", f"{most} at once, of {LIMIT}")
    slope = rss_slope(samples[1:-1])
    judged = "" if steady_rss else " (not judged in a short run)"
    verdict.line(not steady_rss or slope < RSS_MIB_PER_MINUTE, "steady memory", f"{slope:+.2f} MiB/min{judged}")
    wrong = list(unexplained(traffic.mishaps, [*proxy.journal.crashes(), *faults.excuses]))
    excused = len(traffic.mishaps) - len(wrong)
    found = f"{len(wrong)} wrong of {traffic.done.total()}, {excused} met a crash"
    verdict.line(not wrong, "every request answered properly", found)
    for mishap in wrong[:SHOWN]:
        print(f"      {mishap.kind} after {mishap.ended - mishap.began:.2f} s: {mishap.what}")
    verdict.line(not proxy.tracebacks(), "no traceback in the log", proxy.tracebacks())
    verdict.line(exit_code == 0, "the proxy ended by itself", f"exit code {exit_code}")
    survivors = proxy.survivors()
    verdict.line(not samples[-1].replicas, "scaled to zero", f"{samples[-1].replicas} replicas at the end")
    verdict.line(not survivors, "no replica outlived the proxy", survivors or 0)
    return not verdict.failed


def _descriptors(verdict: Verdict, samples: Sequence[Sample]) -> None:
    """Replicas cost some: compared are samples with as many of them."""
    rises, more_tasks = [], []
    for count in {one.replicas for one in samples}:
        alike = [one for one in samples if one.replicas == count]
        rises.append(_spread([one.descriptors for one in alike]))
        more_tasks.append(_spread([one.tasks for one in alike]))
    verdict.line(max(rises) <= FLAT_WITHIN, "no leaked descriptor", f"flat within {max(rises)}")
    verdict.line(max(more_tasks) <= TASKS_WITHIN, "no leaked task", f"flat within {max(more_tasks)}")
    connections = max(abs(one.clients - one.ours) for one in samples)
    verdict.line(connections == 0, "no leaked client connection", f"{connections} too many or too few")
    verdict.line(samples[-1].links == 0, "no leaked replica connection", f"{samples[-1].links} at the end")


def _spread(counts: Sequence[int]) -> int:
    return max(counts) - min(counts)


def unexplained(mishaps: Sequence[Mishap], crashes: Sequence[float]) -> Iterator[Mishap]:
    """Those with no crash of any replica while they ran: they may not have reached a broken one."""
    for one in mishaps:
        if not any(one.began - CRASH_SECONDS <= at <= one.ended for at in crashes):
            yield one
