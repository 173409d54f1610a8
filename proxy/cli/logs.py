"""tidegate logs: what replicas print, and what they printed before they were gone."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AppName, AsJson, Document, Remote, complete_replica

_FOLLOW = typer.Option("--follow", "-f", help="Go on with what is printed from now on, until Ctrl-C.")
_REPLICA = typer.Option(
    "--replica", "-r", help="Of this replica only, also if it is gone.", metavar="ID", autocompletion=complete_replica
)
_LINES = typer.Option("--lines", "-n", min=1, max=10_000, help="How many of the last lines.")


def logs(  # noqa: PLR0913, PLR0917 - the options of a command are its parameters
    app: AppName = None,
    follow: Annotated[bool, _FOLLOW] = False,
    replica: Annotated[str | None, _REPLICA] = None,
    lines: Annotated[int, _LINES] = 200,
    as_json: AsJson = False,
    admin: Admin = ADMIN_DEFAULT,
    admin_key: AdminKey = "",
) -> None:
    """Show what an app's replicas print on stdout and stderr; with --json an object a line."""
    remote = Remote(admin, admin_key)
    query = {"lines": lines, "replica": replica or "", "follow": int(follow)}
    path = remote.app_path(app, f"/logs?{urlencode(query)}")
    said = json.dumps if as_json else line_for_terminal if sys.stdout.isatty() else line_for_programs
    with suppress(KeyboardInterrupt):
        for line in (json.loads(raw) for raw in remote.lines(path) if raw) if follow else remote.get(path):
            typer.echo(said(line))


def line_for_terminal(line: Document) -> str:
    """With the time of day here, and the replica in a colour."""
    clock = datetime.fromisoformat(line["at"]).astimezone().strftime("%H:%M:%S")
    return f"{typer.style(clock, dim=True)} {typer.style(line['replica'], fg='cyan')} {line['text']}"


def line_for_programs(line: Document) -> str:
    return f"{line['at']} {line['replica']} {line['text']}"
