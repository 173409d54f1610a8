"""tidegate drain and restart: what is done to single replicas by hand."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import quote

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AsJson, Remote, complete_replica
from proxy.errors import UserError

_REPLICAS = typer.Argument(help="As `tidegate ps` names them.", metavar="REPLICA", autocompletion=complete_replica)
Replicas = Annotated[list[str], _REPLICAS]


def drain(replicas: Replicas, as_json: AsJson = False, admin: Admin = ADMIN_DEFAULT, admin_key: AdminKey = "") -> None:
    """Take replicas out of service: no new requests, those that run are finished, then they end."""
    _act("drain", replicas, as_json, Remote(admin, admin_key))


def restart(
    replicas: Replicas, as_json: AsJson = False, admin: Admin = ADMIN_DEFAULT, admin_key: AdminKey = ""
) -> None:
    """Drain replicas, and start others in their place at once."""
    _act("restart", replicas, as_json, Remote(admin, admin_key))


def _act(action: str, replicas: list[str], as_json: bool, remote: Remote) -> None:
    """Nothing is done if one of the names is wrong."""
    app_of = {replica["id"]: app["name"] for app in remote.apps() for replica in app["replicas"]}
    for replica in replicas:
        if replica not in app_of:
            raise UserError(f"there is no replica {replica}: `tidegate ps` lists them")
    for replica in replicas:
        path = remote.app_path(app_of[replica], f"/replicas/{quote(replica, safe='')}/{action}")
        now = remote.post(path, {})
        typer.echo(json.dumps(now) if as_json else f"{replica} is {now['state']} with {now['in_flight']} in flight")
