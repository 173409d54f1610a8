"""tidegate ps: the replicas that run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AsJson, Document, Remote
from proxy.cli.table import show

HEAD = ("APP", "REPLICA", "REV", "STATE", "ADDRESS", "IN FLIGHT", "CPU", "MEMORY", "LAST PROBE")


def ps(as_json: AsJson = False, admin: Admin = ADMIN_DEFAULT, admin_key: AdminKey = "") -> None:
    """List the replicas of all apps: their state, load, and what their readiness probe saw last."""
    apps = Remote(admin, admin_key).apps()
    if as_json:
        typer.echo(json.dumps(apps, indent=2))
    else:
        show(HEAD, rows(apps))
        for line in roll_outs(apps):
            typer.echo(line)


def rows(apps: Sequence[Document]) -> Iterator[tuple[str, ...]]:
    """One row a replica, or one for an app that has none."""
    for app in apps:
        for replica in app["replicas"]:
            cpu, memory = replica["cpu_ratio"], replica["memory_bytes"]
            yield (
                app["name"],
                replica["id"],
                str(replica["revision"]),
                replica["state"],
                replica["address"] or "-",
                f"{replica['in_flight']}/{replica['limit']}",
                "-" if cpu is None else f"{cpu * 100:.0f} %",
                "-" if memory is None else f"{memory / 1024**2:.0f} MiB",
                replica["last_probe"] or "-",
            )
        if not app["replicas"]:
            yield (app["name"], *("-" * (len(HEAD) - 1)))


def roll_outs(apps: Sequence[Document]) -> Iterator[str]:
    """A line for each app that is on its way to another revision, or came back from one."""
    for app in apps:
        revision = app["revision"]
        if revision["reason"]:
            yield f"{app['name']}: {revision['reason']}"
        elif revision["state"] == "preparing":
            yield f"{app['name']}: another revision is being prepared, revision {revision['number']} serves"
