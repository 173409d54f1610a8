"""What of this installation goes into an image."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

import proxy
from proxy.images.runtime_parts import runtime_parts


def text(name: str) -> str:
    content = runtime_parts()[name]
    return content.decode() if isinstance(content, bytes) else content.read_text()


def test_the_source_is_whole_and_has_its_metadata() -> None:
    parts = runtime_parts()
    assert {"runtime/runtime/__main__.py", "runtime/proxy/errors.py", "runtime/proxy/images/steps/pip.sh"} <= set(parts)
    assert not [name for name in parts if "__pycache__" in name]
    metadata = f"runtime/tidegate-{version('tidegate')}.dist-info"
    assert "tidegate.balancers" in text(f"{metadata}/entry_points.txt")
    assert "Name: tidegate" in text(f"{metadata}/METADATA")


def test_compiled_modules_come_with_the_library_that_they_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "proxy").mkdir()
    monkeypatch.setattr(proxy, "__file__", str(tmp_path / "proxy" / "__init__.py"))
    for name in ("proxy/pool.cpython-311.so", "tidegate_proxy__mypyc.cpython-311.so", "black__mypyc.cpython-311.so"):
        (tmp_path / name).touch()
    brought = {name for name in runtime_parts() if name.endswith(".so")}
    assert brought == {"runtime/proxy/pool.cpython-311.so", "runtime/tidegate_proxy__mypyc.cpython-311.so"}


def test_what_it_needs_comes_in_the_versions_that_are_installed_here() -> None:
    pins = text("runtime_needs/constraints.txt").splitlines()
    assert f"orjson=={version('orjson')}" in pins
    assert f"pydantic_core=={version('pydantic_core')}" in pins  # needed by what is needed
    assert not [line for line in pins if line.startswith("pytest")]
    assert not [line for line in text("runtime_needs/requirements.txt").splitlines() if "extra" in line]
