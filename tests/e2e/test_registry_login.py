"""Logins that a credential helper keeps: a real program that is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.test_registry import login


@pytest.mark.parametrize(
    ("user", "expected"),
    [("ada", {"username": "ada", "password": "a.io"}), ("<token>", {"identitytoken": "a.io"})],
)
def test_a_helper_is_asked_for_the_registry(
    user: str, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-fake"
    helper.write_text(f'#!/bin/sh\nprintf \'{{"Username": "{user}", "Secret": "%s"}}\' "$(cat)"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert login(tmp_path, "a.io/b", credHelpers={"a.io": "fake"}) == expected
