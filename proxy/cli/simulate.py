"""tidegate simulate: what scaling settings would have cost on a trace of requests, and how long those had waited."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from proxy.errors import UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig
    from proxy.simulation.outcome import Outcome
    from proxy.simulation.replay import Conditions, Plan
    from proxy.simulation.trace import Call


class Baseline(StrEnum):
    KNATIVE = "knative"
    HPA = "hpa"
    RAY = "ray"


_APPS = typer.Argument(help="A folder with a cerebrium.toml, or such a file; several with --compare.", metavar="APP...")
_TRACE = typer.Option(help="CSV or JSON lines: arrival_seconds, service_seconds.", metavar="FILE")
_COLD_START = typer.Option(min=0.001, help="How long a replica takes to get ready, in seconds.")
_WARM_UP = typer.Option(min=0, help="So many seconds at the beginning are not counted; the app then begins busy.")
_COMPARE = typer.Option("--compare", help="Take several APPs and put their settings side by side.")
_BASELINE = typer.Option(help="Another autoscaler's algorithm beside it; may be given several times.")
_PICTURE = typer.Option(help="Write an SVG of demand, replicas and waiting.", metavar="FILE")
_JSON = typer.Option("--json", help="One JSON object a line for each setting.")

# Later is a time of the calendar, up to which every second would be lived through.
_LATEST_BEGIN_SECONDS = 366 * 86400.0


def simulate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    apps: Annotated[list[Path], _APPS],
    trace: Annotated[Path, _TRACE],
    cold_start: Annotated[float, _COLD_START] = 10.0,
    warm_up: Annotated[float, _WARM_UP] = 0.0,
    compare: Annotated[bool, _COMPARE] = False,
    baseline: Annotated[list[Baseline] | None, _BASELINE] = None,
    picture: Annotated[Path | None, _PICTURE] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Replay a trace of requests against an app's scaling settings, in virtual time."""
    # Imported here: --help and `tidegate check` need none of it.
    from proxy.simulation.oracle import zero_wait_seconds
    from proxy.simulation.picture import svg
    from proxy.simulation.replay import Conditions, replay
    from proxy.simulation.table import table
    from proxy.simulation.trace import read_trace

    if len(apps) > 1 and not compare:
        raise UserError(f"{len(apps)} apps were given: add --compare to put their settings side by side")
    plans = list(_plans(apps, [choice.value for choice in baseline or []]))
    calls, conditions = read_trace(trace), Conditions(cold_start, warm_up)
    gc.freeze()  # nothing in a long trace is garbage: it need not be looked through again and again
    _check(trace, calls, conditions)
    outcomes = [replay(calls, plan, conditions) for plan in plans]
    if as_json:
        lines: Iterator[str] = (orjson.dumps(outcome.document()).decode() for outcome in outcomes)
    else:
        oracles = [zero_wait_seconds(calls, plan.scaling.replica_concurrency, conditions) for plan in plans]
        lines = table(outcomes, oracles)
    for line in lines:
        typer.echo(line)
    _tell_refused(outcomes)
    if picture is not None:
        _write(picture, svg(outcomes))


def _plans(apps: Sequence[Path], baselines: Sequence[str]) -> Iterator[Plan]:
    from proxy.config import load

    configs = [load(app) for app in apps]
    for app, config in zip(apps, configs, strict=True):
        yield _plan(config, config.scaling.policy if len(apps) == 1 else f"{app} ({config.scaling.policy})")
    for name in baselines:
        yield _baseline(configs[0], name)


def _plan(config: AppConfig, name: str) -> Plan:
    from proxy.simulation.replay import Plan
    from proxy.wiring import load_balancer

    scaling = config.scaling
    if scaling.metric in {"cpu_utilization", "memory_utilization"}:
        raise UserError(
            f"{config.file}: cerebrium.scaling.scaling_metric is {scaling.metric}, which no trace of requests tells: "
            "simulate with concurrency_utilization or requests_per_second"
        )
    return Plan(
        name=name,
        policy_name=scaling.policy,
        scaling=scaling,
        make_balancer=partial(load_balancer, config),
        queue_length=config.queue.max_length,
        queue_seconds=config.queue.timeout_seconds,
        recalls=config.drain.sigterm == "when-idle",
    )


def _baseline(config: AppConfig, name: str) -> Plan:
    """The app's limits and slots, another's decisions; triggers and forecasts of ours are left out."""
    from dataclasses import replace

    from proxy.simulation.baselines import BASELINES

    ours = {"buffer": 0, "predictive": False, "scale_up_queue_length": 0, "scale_up_queue_wait_seconds": 0.0}
    plan = _plan(config, name)
    scaling = config.scaling.model_copy(update=ours | {"policy": "target"})
    baseline = BASELINES[name]
    policy = baseline.make(scaling.replica_concurrency)
    first = baseline.first_look_seconds
    return replace(plan, policy_name=name, scaling=scaling, recalls=False, policy=policy, first_look_seconds=first)


def _check(file: Path, calls: Sequence[Call], conditions: Conditions) -> None:
    begin, end = calls[0].arrival, calls[-1].arrival
    if begin > _LATEST_BEGIN_SECONDS:
        raise UserError(f"{file}: begins after {begin:.0f} s: count arrival_seconds from the beginning of the trace")
    if conditions.warm_up >= end > 0:
        raise UserError(f"{file}: ends after {end:g} s: give a shorter --warm-up than {conditions.warm_up:g} s")


def _tell_refused(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.refused:
            typer.echo(
                f"{outcome.name}: {outcome.refused} requests were refused by tidegate.queue.max_length or "
                "timeout_seconds; they count as late",
                err=True,
            )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.stdout.flush()
        raise UserError(f"{file}: the picture cannot be written: {error.strerror}") from None
