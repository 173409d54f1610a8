"""tidegate ps: the replicas that run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, Document, Remote

_HEAD = ("APP", "REPLICA", "STATE", "ADDRESS", "IN FLIGHT", "CPU", "MEMORY", "LAST PROBE")


def ps(
    as_json: Annotated[bool, typer.Option("--json", help="As the admin API has them.")] = False,
    admin: Admin = ADMIN_DEFAULT,
) -> None:
    """List the replicas of all apps."""
    apps = Remote(admin).apps()
    if as_json:
        typer.echo(json.dumps(apps, indent=2))
        return
    for line in table(apps):
        typer.echo(line)


def table(apps: Sequence[Document]) -> Iterator[str]:
    """One line a replica, in columns."""
    rows = [_HEAD, *_rows(apps)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rows(apps: Sequence[Document]) -> Iterator[tuple[str, ...]]:
    for app in apps:
        for replica in app["replicas"]:
            cpu, memory = replica["cpu_ratio"], replica["memory_bytes"]
            yield (
                app["name"],
                replica["id"],
                replica["state"],
                replica["address"] or "-",
                f"{replica['in_flight']}/{replica['limit']}",
                "-" if cpu is None else f"{cpu * 100:.0f} %",
                "-" if memory is None else f"{memory / 1024**2:.0f} MiB",
                replica["last_probe"] or "-",
            )
        if not app["replicas"]:
            yield (app["name"], *("-" * (len(_HEAD) - 1)))
