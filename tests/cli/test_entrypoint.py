"""tidegate runtime: the entrypoint takes this process's place."""

from __future__ import annotations

import os
import sys

import pytest

from proxy.cli import main


class Replaced(Exception):
    """What os.execv does not come back from."""


def test_runtime_takes_the_place_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def execv(_path: str, argv: list[str]) -> None:
        ran.append(argv)
        raise Replaced

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "argv", ["tidegate", "runtime", "--limit", "4", "--", "vllm", "serve", "--help"])
    with pytest.raises(Replaced):
        main()
    assert ran == [[sys.executable, "-P", "-m", "runtime", "--limit", "4", "--", "vllm", "serve", "--help"]]


def test_help_lists_runtime(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tidegate", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "runtime" in capsys.readouterr().out
