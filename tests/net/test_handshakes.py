from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from proxy.net.certificate import Certificate
from proxy.net.handshakes import Handshakes
from tests.e2e.certificates import write_certificate
from tests.net.fakes import FakeTransport


def test_a_client_for_whom_there_is_no_descriptor_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dup(_descriptor: int) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", dup)
    handshakes = Handshakes(asyncio.TaskGroup(), Certificate(*write_certificate(tmp_path)))
    accepted = FakeTransport()
    handshakes.begin(accepted, asyncio.Protocol())
    assert (accepted.ended, len(handshakes)) == ("aborted", 0)
