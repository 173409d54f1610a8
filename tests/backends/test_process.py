from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from proxy.backends import ports, process
from proxy.backends.child import Child
from proxy.backends.process import ProcessBackend
from proxy.errors import StartError, UserError
from tests.backends.apps import app


def check(folder: Path, toml: str) -> None:
    asyncio.run(ProcessBackend(app(folder, toml)).check())


def test_a_function_app_needs_its_main_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"main\.py does not exist: .*runtime\.custom\.entrypoint"):
        check(tmp_path, "")
    (tmp_path / "main.py").touch()
    check(tmp_path, "")


def test_a_program_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cerebrium\.toml: runtime\.custom\.entrypoint starts 'no-such-server'"):
        check(tmp_path, '[cerebrium.runtime.custom]\nentrypoint = "no-such-server --port 8000"')


def test_a_program_may_be_a_path_in_the_apps_folder(tmp_path: Path) -> None:
    entrypoint = '[cerebrium.runtime.custom]\nentrypoint = "./serve.sh"'
    (tmp_path / "serve.sh").touch(mode=0o644)
    with pytest.raises(UserError, match=r"\./serve\.sh"):
        check(tmp_path, entrypoint)
    (tmp_path / "serve.sh").chmod(0o755)
    check(tmp_path, entrypoint)


def test_a_program_that_may_still_be_installed_is_not_missed(tmp_path: Path) -> None:
    check(tmp_path, '[cerebrium.runtime.custom]\nentrypoint = "no-such-server"\n[tidegate.process]\ninstall = true')


@pytest.mark.parametrize(("activated", "first"), [("", "tidegate"), ("/elsewhere", "user")])
def test_programs_beside_tidegate_come_first_unless_the_user_activated_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, activated: str, first: str
) -> None:
    own = Path(sys.executable).parent
    for name, content in [("VIRTUAL_ENV", activated), ("CONDA_PREFIX", ""), ("PATH", str(tmp_path))]:
        monkeypatch.setenv(name, content)
    environment = ProcessBackend(app(tmp_path))._environment("demo-1", 41000)
    order = {"tidegate": [str(own), str(tmp_path)], "user": [str(tmp_path), str(own)]}
    assert environment["PATH"].split(os.pathsep) == order[first]


@pytest.mark.parametrize(
    ("toml", "shown"),
    [("", "the shell's ***, the app's sesame"), ("[tidegate.env]\nA_KEY = 'sesame'", "the shell's ***, the app's ***")],
)
def test_a_secret_is_hidden_whether_a_replica_has_it_from_the_shell_or_from_its_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str, shown: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
    assert ProcessBackend(app(tmp_path, toml))._secrets.hide("the shell's hf_abcdef, the app's sesame") == shown


def test_the_port_of_a_replica_that_failed_late_is_given_back_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned: list[Child] = []

    async def spawn(child: Child, *_: object) -> None:
        spawned.append(child)
        raise StartError("it was cancelled, say, when its process was there already")

    monkeypatch.setattr(ports, "_free_port", lambda: 41000)
    monkeypatch.setattr(process, "PORTS", given := ports.Ports())
    monkeypatch.setattr(Child, "spawn", spawn)
    monkeypatch.setattr(Child, "process_exited", lambda _: None)
    with pytest.raises(StartError, match="cancelled"):
        asyncio.run(ProcessBackend(app(tmp_path)).start("demo-1"))
    assert given.take() == 41000  # another's now
    spawned[0].process_exited()
    with pytest.raises(StartError, match="no free TCP port"):
        given.take()
