"""The certificate that clients are shown."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from proxy.errors import UserError


class Certificate:
    """A certificate with those it was signed by, and its key, both PEM; `context` shows new clients the latest."""

    def __init__(self, cert: Path, key: Path) -> None:
        self.files = (cert, key)
        self.context = self._latest = self._made()
        self.context.sni_callback = self._show  # asked in each handshake, also if the client names no server

    def load(self) -> None:
        """Read the files anew. Raises UserError, and keeps the old ones then; connections keep what they have."""
        self._latest = self._made()

    def _show(self, handshake: ssl.SSLObject, _server_name: str | None, _: ssl.SSLContext) -> None:
        handshake.context = self._latest

    def _made(self) -> ssl.SSLContext:
        cert, key = self.files
        _check(f"--tls-cert {cert}", cert, b"CERTIFICATE-----", "certificate")
        _check(f"--tls-key {key}", key, b"PRIVATE KEY-----", "private key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(cert, key, _locked)  # without the function OpenSSL would ask on the terminal
        except _Locked:
            raise UserError(f"--tls-key {key} is encrypted: give a key without a passphrase") from None
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise UserError(f"--tls-key {key} is not the key of --tls-cert {cert}: give one pair") from None
            reason = error.reason or error
            raise UserError(f"--tls-cert {cert} and --tls-key {key} cannot be used: {reason}") from None
        except OSError as error:  # gone since the check
            raise UserError(f"--tls-cert {cert} and --tls-key {key} cannot be used: {error.strerror}") from None
        return context


class _Locked(Exception):
    """The key has a passphrase."""


def _locked() -> NoReturn:
    raise _Locked


def _check(option: str, file: Path, mark: bytes, what: str) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{option} cannot be read: {error.strerror}") from None
    if mark not in content:
        raise UserError(f"{option} holds no {what}: give one in PEM form, with its BEGIN and END lines")
