"""Certificates for this machine, signed by an authority that nobody but the tests trusts."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """The files of a new certificate and its key; who watches them never finds a part of one."""
    issued = authority().issue_cert(*(names or ("127.0.0.1", "localhost")))
    cert, key = folder / "cert.pem", folder / "key.pem"
    replace(key, issued.private_key_pem.bytes())  # first: a new certificate never stands beside what is no key
    replace(cert, b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return cert, key


def replace(file: Path, content: bytes) -> None:
    """In one step."""
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(content)
    new.replace(file)


@cache
def trusting() -> ssl.SSLContext:
    """What a client that trusts the authority connects with."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority().configure_trust(context)
    return context
