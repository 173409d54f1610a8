"""tidegate scale: other limits for an app's replicas, until they are cleared."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AppName, AsJson, Document, Remote
from proxy.errors import UserError

_MIN = typer.Option("--min", min=0, max=2000, help="Instead of min_replicas.", show_default=False)
_MAX = typer.Option("--max", min=1, max=2000, help="Instead of max_replicas.", show_default=False)


def scale(  # noqa: PLR0913, PLR0917 - the options of a command are its parameters
    app: AppName = None,
    least: Annotated[int | None, _MIN] = None,
    most: Annotated[int | None, _MAX] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Back to the configured limits.")] = False,
    as_json: AsJson = False,
    admin: Admin = ADMIN_DEFAULT,
    admin_key: AdminKey = "",
) -> None:
    """Override an app's min_replicas and max_replicas, its schedule included; without an option: show them."""
    if clear and (least is not None or most is not None):
        raise UserError("--clear goes without --min and --max: it takes both back")
    given = {"min_replicas": least, "max_replicas": most}
    change = given if clear else {key: value for key, value in given.items() if value is not None}
    remote = Remote(admin, admin_key)
    path = remote.app_path(app, "/scale")
    limits = remote.post(path, change) if change else remote.get(path)
    typer.echo(json.dumps(limits) if as_json else said(limits))


def said(limits: Document) -> str:
    """An app's limits in words."""
    by_hand = [key for key, value in limits["override"].items() if value is not None]
    rest = f"{' and '.join(by_hand)} set by hand, until `tidegate scale --clear`" if by_hand else "nothing set by hand"
    return f"from {limits['min_replicas']} to {limits['max_replicas']} replicas ({rest})"
