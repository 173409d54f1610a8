"""Who may use what, as `tidegate up` is told: the key of the admin port, and the certificate."""

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
_CERT = typer.Option(metavar="FILE", help="Speak TLS on the data port with this certificate (chain), in PEM form.")
_CERT_KEY = typer.Option(metavar="FILE", help="The certificate's key, in PEM form.")
AdminKey = Annotated[str, _KEY]
AdminKeyFile = Annotated[Path | None, _FILE]
TlsCert = Annotated[Path | None, _CERT]
TlsKey = Annotated[Path | None, _CERT_KEY]
AdminTls = Annotated[bool, typer.Option("--admin-tls", help="Speak TLS on the admin port, too.")]


def admin_key(key: str, file: Path | None, host: str) -> str:
    """The key, or "" where none is needed. Raises UserError."""
    found = sendable(_read(file) if file is not None else key)
    if not found and not is_loopback(host):
        raise UserError(
            f"--admin-host {host} is open to others than this machine's users: set TIDEGATE_ADMIN_KEY, or give "
            "--admin-key-file or --admin-key, and the admin port asks for it"
        )
    return found


def sendable(key: str) -> str:
    """The key without the line end of its file. Raises UserError if no request could carry it."""
    key = key.strip()
    if not key.isprintable():
        raise UserError("the admin key has a character that cannot be sent: give it in one line, without tabs")
    return key


def certificate(cert: Path | None, key: Path | None, admin: bool) -> tuple[Path, Path] | None:
    """Both files, or None without TLS; `admin`: the admin port is to have it. Raises UserError."""
    if cert is not None and key is not None:
        return cert.absolute(), key.absolute()
    if cert is not None or key is not None:
        given, missing = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise UserError(f"{given} needs {missing}: give the certificate and its key")
    if admin:
        raise UserError("--admin-tls needs --tls-cert and --tls-key: both ports have the same certificate")
    return None


def in_the_clear(key: str, host: str, tls: bool) -> str:
    """A sentence if the admin key crosses a network unencrypted, else ""."""
    if not key or tls or is_loopback(host):
        return ""
    return f"the admin key crosses the network of --admin-host {host} in the clear: add --admin-tls, or keep it private"


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
