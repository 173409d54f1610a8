"""Settings of the end-to-end tests."""

from __future__ import annotations

import pytest

from tests.e2e import killed_runs
from tests.e2e.docker_engine import engine_answers


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_of_killed_runs(tmp_path_factory: pytest.TempPathFactory) -> None:
    killed_runs.mark(tmp_path_factory.getbasetemp())
    if engine_answers():
        killed_runs.remove_left()
