"""tidegate top: all apps and their replicas, live."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.ps import HEAD, roll_outs, rows
from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AsJson, Document, Remote
from proxy.cli.table import coloured, columns

if TYPE_CHECKING:
    from rich.console import RenderableType

APPS = ("APP", "REQUESTS", "5XX", "P50", "P95", "P99", "IN FLIGHT", "WAITING", "READY", "WANTED", "WHY")
_ONCE = typer.Option("--once", help="Print the state of things once, and end; so it is where stdout is no terminal.")


def top(
    once: Annotated[bool, _ONCE] = False,
    as_json: AsJson = False,
    admin: Admin = ADMIN_DEFAULT,
    admin_key: AdminKey = "",
) -> None:
    """Watch all apps and replicas live, until Ctrl-C; with --json an object a line, every second."""
    snapshots = _snapshots(Remote(admin, admin_key))
    with suppress(KeyboardInterrupt):
        if as_json:
            for snapshot in snapshots:
                typer.echo(json.dumps(snapshot))
                if once:
                    return
        elif once or not sys.stdout.isatty():
            _print(next(snapshots))
        else:
            _watch(snapshots)


def _snapshots(remote: Remote) -> Iterator[Document]:
    for line in remote.lines("/api/live"):
        name, _, value = line.partition(": ")
        if name == "data":
            yield json.loads(value)


def _print(snapshot: Document) -> None:
    apps = snapshot["apps"]
    for line in (*columns(APPS, map(app_row, apps)), "", *columns(HEAD, rows(apps)), *roll_outs(apps)):
        typer.echo(line)


def _watch(snapshots: Iterator[Document]) -> None:
    from rich.live import Live  # only here: it takes a while to load

    with Live(screen=True, auto_refresh=False) as live:
        for snapshot in snapshots:
            live.update(_screen(snapshot), refresh=True)


def _screen(snapshot: Document) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    apps: Sequence[Document] = snapshot["apps"]
    failed = [
        Text(f"{app['name']}: {failure['replica']} failed: {failure['reason']}", "red")
        for app in apps
        for failure in app["failures"][-1:]
    ]
    about = f"tidegate top   {snapshot['at'][11:19]} UTC   Ctrl-C ends it"
    return Group(
        about,
        "",
        coloured(APPS, map(app_row, apps)),
        "",
        coloured(HEAD, rows(apps)),
        "",
        *map(Text, roll_outs(apps)),  # as it is: in brackets it could be taken for markup
        *failed,
    )


def app_row(app: Document) -> tuple[str, ...]:
    """One app's line."""
    sample = app["sample"] or {}
    ready = sum(replica["state"] == "ready" for replica in app["replicas"])
    waiting = app["queue"]
    oldest = f" ({waiting['oldest_wait_seconds']:.1f} s)" if waiting["length"] else ""
    desired = app["scaling"]["desired"]
    return (
        app["name"],
        _said(sample.get("requests_per_second"), "{:.1f}/s"),
        _said(sample.get("errors_per_second"), "{:.1f}/s"),
        *(_said(sample.get(f"{name}_seconds"), "{:.3g} s") for name in ("p50", "p95", "p99")),
        str(app["in_flight"]),
        f"{waiting['length']}{oldest}",
        f"{ready}/{len(app['replicas'])}",
        _said(desired, "{}"),
        app["scaling"]["reason"] or "-",
    )


def _said(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
