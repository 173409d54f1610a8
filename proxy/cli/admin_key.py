"""The key of the admin port, as `tidegate up` is given it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from proxy.errors import UserError

_KEY = typer.Option(
    envvar="TIDEGATE_ADMIN_KEY",
    metavar="KEY",
    help="What the admin port asks for; better as variable or file, since other users see the options of a process.",
)
_FILE = typer.Option(metavar="FILE", help="The file that holds it.")
AdminKey = Annotated[str, _KEY]
AdminKeyFile = Annotated[Path | None, _FILE]


def admin_key(key: str, file: Path | None, host: str) -> str:
    """The key, or "" where none is needed. Raises UserError."""
    found = _read(file) if file is not None else key.strip()
    if not found and not is_loopback(host):
        raise UserError(
            f"--admin-host {host} is open to others than this machine's users: set TIDEGATE_ADMIN_KEY, or give "
            "--admin-key-file or --admin-key, and the admin port asks for it"
        )
    return found


def is_loopback(host: str) -> bool:
    """Of names only localhost is for certain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(file: Path) -> str:
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(f"--admin-key-file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"--admin-key-file {file} is not UTF-8: save it as text") from None
    if not key:
        raise UserError(f"--admin-key-file {file} is empty: write the key into it")
    return key
