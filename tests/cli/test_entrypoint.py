"""tidegate runtime: the entrypoint takes this process's place."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pytest

from proxy.cli import main

ARGUMENTS = ["--limit", "4", "--", "vllm", "serve", "--help"]


class Replaced(Exception):
    """What os.execv does not come back from."""


def test_runtime_takes_the_place_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, list[str]]] = []

    def run_module(name: str, *, run_name: str, alter_sys: bool) -> None:
        assert (run_name, alter_sys) == ("__main__", True)
        ran.append((name, sys.argv[1:]))

    monkeypatch.setattr(runpy, "run_module", run_module)
    monkeypatch.setattr(sys, "path", ["/usr/local/bin", *sys.path])
    monkeypatch.setattr(sys, "argv", ["tidegate", "runtime", *ARGUMENTS])
    with pytest.raises(SystemExit):
        main()
    assert ran == [("runtime", ARGUMENTS)]


@pytest.mark.parametrize("here", ["", str(Path.cwd())])
def test_runtime_is_a_program_of_its_own_where_files_of_this_folder_could_hide_it(
    monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    ran: list[list[str]] = []

    def execv(_path: str, argv: list[str]) -> None:
        ran.append(argv)
        raise Replaced

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "path", [here, *sys.path])
    monkeypatch.setattr(sys, "argv", ["tidegate", "runtime", *ARGUMENTS])
    with pytest.raises(Replaced):
        main()
    assert ran == [[sys.executable, "-P", "-m", "runtime", *ARGUMENTS]]


def test_help_lists_runtime(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tidegate", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "runtime" in capsys.readouterr().out
