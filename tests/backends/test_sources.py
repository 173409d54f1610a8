"""Which files a replica is made from."""

from __future__ import annotations

from pathlib import Path

from proxy.backends.sources import contents, sources
from tests.backends.apps import app


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names(folder: Path, toml: str = "") -> list[str]:
    return [str(path.relative_to(folder)) for path in sources(app(folder, toml))]


def test_code_counts_and_what_the_server_writes_does_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        "main.py",
        "models/net.py",
        "weights.bin",
        "requests.log",
        ".git/hook.py",
        "env/pyvenv.cfg",
        "env/x.py",
    )
    assert names(tmp_path) == ["main.py", "models/net.py"]


def test_what_the_entrypoint_names_counts(tmp_path: Path) -> None:
    write(tmp_path, "serve.sh", "settings.yaml", "other.yaml")
    entrypoint = "[cerebrium.runtime.custom]\nentrypoint = './serve.sh --config settings.yaml /etc/hostname ../x'"
    assert names(tmp_path, entrypoint) == ["serve.sh", "settings.yaml"]


def test_requirements_count_where_they_are_installed(tmp_path: Path) -> None:
    write(tmp_path, "requirements.txt")
    listed = "[cerebrium.dependencies.paths]\npip = 'requirements.txt'\n"
    assert names(tmp_path, listed) == []
    assert names(tmp_path, listed + "[tidegate.process]\ninstall = true") == ["requirements.txt"]


def test_names_count_as_well_as_what_is_in_them(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    before = list(contents(app(tmp_path)))
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert list(contents(app(tmp_path))) != before
