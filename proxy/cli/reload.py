"""tidegate reload: let a running up read its configuration again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AsJson, Document, Remote

_LOOK_SECONDS = 0.5
# What a roll-out is on its way through.
_UNDER_WAY = frozenset(("preparing", "rolling over", "rolling back"))

_REPLACE = typer.Option("--replace", help="Replace all replicas, also where nothing that they are made from changed.")
_WAIT = typer.Option("--wait", help="Return when every replica is replaced; exit 1 if one revision was rolled back.")


def reload(
    replace: Annotated[bool, _REPLACE] = False,
    wait: Annotated[bool, _WAIT] = False,
    as_json: AsJson = False,
    admin: Admin = ADMIN_DEFAULT,
    admin_key: AdminKey = "",
) -> None:
    """Read the configuration of all apps again, and use it without losing a request; a mistake changes nothing."""
    remote = Remote(admin, admin_key)
    outcome = remote.post(f"/api/reload{'?replace=1' if replace else ''}", {})
    while wait and _under_way(outcome):
        time.sleep(_LOOK_SECONDS)
        for change in outcome["apps"]:
            change["revision"] = remote.get(remote.app_path(change["app"]))["revision"]
    for line in [json.dumps(outcome)] if as_json else story(outcome):
        typer.echo(line)
    if wait and any(change["revision"]["state"] == "rolled back" for change in outcome["apps"]):
        raise typer.Exit(1)


def story(outcome: Document) -> Iterator[str]:
    """What came of it, in lines for a person."""
    for change in outcome["apps"]:
        revision, keys = change["revision"], ", ".join(change["changed"])
        yield f"{change['app']}: {keys or 'no setting'} changed; {_said(revision)}"
        yield from change["warnings"]
    for app in outcome["added"]:
        yield f"{app}: is served from now on"
    for app in outcome["removed"]:
        yield f"{app}: is not served any more, and drains"


def _said(revision: Document) -> str:
    if revision["reason"]:
        return str(revision["reason"])
    return f"revision {revision['number']} is {revision['state']}"


def _under_way(outcome: Document) -> bool:
    return any(change["revision"]["state"] in _UNDER_WAY for change in outcome["apps"])
