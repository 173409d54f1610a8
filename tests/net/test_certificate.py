from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from proxy.errors import UserError
from proxy.net.certificate import Certificate
from tests.e2e.certificates import write_certificate


def mistake(cert: Path, key: Path) -> str:
    with pytest.raises(UserError) as found:
        Certificate(cert, key)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_file_that_is_not_there_or_holds_something_else_is_named(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    none = tmp_path / "none"
    assert mistake(none, key) == f"--tls-cert {none} cannot be read: No such file or directory"
    assert mistake(cert, tmp_path) == f"--tls-key {tmp_path} cannot be read: Is a directory"
    assert mistake(key, cert).startswith(f"--tls-cert {key} holds no certificate: give one in PEM form")
    assert mistake(cert, cert).startswith(f"--tls-key {cert} holds no private key: give one in PEM form")


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    cert, _ = write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, key = write_certificate(tmp_path / "other")
    assert mistake(cert, key) == f"--tls-key {key} is not the key of --tls-cert {cert}: give one pair"


def test_a_key_with_a_passphrase_asks_nobody_for_it(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    locked = load_pem_private_key(key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    key.write_bytes(locked)
    assert mistake(cert, key) == f"--tls-key {key} is encrypted: give a key without a passphrase"


def test_a_certificate_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    cert.write_bytes(cert.read_bytes()[:200])
    assert mistake(cert, key).startswith(f"--tls-cert {cert} and --tls-key {key} cannot be used: ")


def test_a_file_that_goes_while_it_is_read_is_a_mistake_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.net.certificate._check", lambda *_: None)  # it was still there then
    cert, key = write_certificate(tmp_path)
    cert.unlink()
    assert mistake(cert, key) == f"--tls-cert {cert} and --tls-key {key} cannot be used: No such file or directory"


def test_files_that_do_not_fit_leave_the_old_ones_in_use(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    certificate = Certificate(cert, key)
    before = certificate._latest
    cert.write_text("nothing")
    with pytest.raises(UserError):
        certificate.load()
    assert certificate._latest is before
