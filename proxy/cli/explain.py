"""tidegate explain: why an app has as many replicas as it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import typer

from proxy.cli.ps import roll_outs
from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AppName, AsJson, Document, Remote


def explain(
    app: AppName = None,
    limit: Annotated[int, typer.Option(min=1, help="How many decisions, the newest last.")] = 10,
    as_json: AsJson = False,
    admin: Admin = ADMIN_DEFAULT,
    admin_key: AdminKey = "",
) -> None:
    """Say in words what the autoscaler decided last, and from what."""
    remote = Remote(admin, admin_key)
    decisions: list[Document] = remote.get(remote.app_path(app, f"/decisions?limit={limit}"))
    view: Document = remote.get(remote.app_path(app))
    lines = [json.dumps(decisions, indent=2)] if as_json else [*story(decisions), *roll_outs([view])]
    for line in lines:
        typer.echo(line)


def story(decisions: Sequence[Document]) -> Iterator[str]:
    """The decisions as lines for a person."""
    if not decisions:
        yield "nothing was decided yet"
    before = None
    for decision in decisions:
        desired = decision["desired"]
        change = f"{desired}" if before in {None, desired} else f"{before} → {desired}"
        change = typer.style(f"{change} {_plural(desired)}", bold=True)
        yield f"{_clock(decision['at'])}  {change}{_lasting(decision)}"
        yield f"    because {decision['reason']}"
        yield f"    seen: {_seen(decision['inputs'])}"
        yield f"    wanted: {_terms(decision)}"
        before = desired


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _plural(count: int) -> str:
    return "replica" if count == 1 else "replicas"


def _lasting(decision: Document) -> str:
    if decision["looks"] == 1:
        return ""
    seconds = datetime.fromisoformat(decision["until"]) - datetime.fromisoformat(decision["at"])
    return f", and so for {seconds.total_seconds():.0f} s ({decision['looks']} looks)"


def _seen(inputs: Document) -> str:
    said = [
        f"{inputs['in_flight']} in flight, {inputs['queued']} queued",
        f"{inputs['ready']} ready, {inputs['starting']} starting, {inputs['draining']} draining",
    ]
    if inputs["queued"]:
        said.append(f"the oldest waits {inputs['oldest_wait_seconds']:.1f} s")
    for key, words in (("service_seconds", "a request takes"), ("cold_start_seconds", "a cold start takes")):
        if inputs[key] is not None:
            said.append(f"{words} {inputs[key]:.3g} s")
    ratios = {key: inputs[f"{key}_ratio"] for key in ("cpu", "memory")}
    said.extend(f"{key} at {ratio * 100:.0f} %" for key, ratio in ratios.items() if ratio is not None)
    return "; ".join(said)


def _terms(decision: Document) -> str:
    terms = ", ".join(f"{term['name']} {term['count']}" for term in decision["terms"])
    last = f"; the last word had {decision['clamp']}" if decision["clamp"] else ""
    return f"{terms} (from {decision['min_replicas']} to {decision['max_replicas']} allowed){last}"
