from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.backends.base import Backend
from proxy.backends.choose import make_backend
from proxy.backends.docker.backend import DockerBackend
from proxy.backends.process import ProcessBackend
from proxy.backends.static import StaticBackend
from proxy.errors import UserError
from tests.backends.apps import app


@pytest.mark.parametrize(
    ("name", "kind"), [("process", ProcessBackend), ("docker", DockerBackend), ("static", StaticBackend)]
)
def test_a_name_stands_for_a_backend(tmp_path: Path, name: str, kind: type) -> None:
    backend: Backend = make_backend(name, app(tmp_path), asyncio.TaskGroup())
    assert isinstance(backend, kind)


def test_a_backend_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"backend swarm is not available in this version; .* process, docker, static"):
        make_backend("swarm", app(tmp_path), asyncio.TaskGroup())
