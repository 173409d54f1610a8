from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.venv import requirement, requirements_file
from proxy.errors import UserError
from tests.backends.apps import app


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", "torch"),
        ("latest", "torch"),
        ("2.1.0", "torch==2.1.0"),
        (">=2.0,<3", "torch>=2.0,<3"),
        ("~=2.1", "torch~=2.1"),
        ("@ https://example.org/torch.whl", "torch@ https://example.org/torch.whl"),
    ],
)
def test_a_version_may_be_open_exact_or_a_range(version: str, expected: str) -> None:
    assert requirement("torch", version) == expected


def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    config = app(tmp_path, '[cerebrium.dependencies.paths]\npip = "needs.txt"')
    with pytest.raises(UserError, match=r"dependencies\.paths\.pip names needs\.txt"):
        requirements_file(config)
