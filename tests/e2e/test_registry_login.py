"""Logins that a credential helper keeps: a real program that is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import BuildError
from tests.images.test_registry import login


def install(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docker-credential-fake."""
    helper = folder / "docker-credential-fake"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


@pytest.mark.parametrize(
    ("user", "expected"),
    [("ada", {"username": "ada", "password": "a.io"}), ("<token>", {"identitytoken": "a.io"})],
)
def test_a_helper_is_asked_for_the_registry(
    user: str, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(f'printf \'{{"Username": "{user}", "Secret": "%s"}}\' "$(cat)"', tmp_path, monkeypatch)
    assert login(tmp_path, "a.io/b", credHelpers={"a.io": "fake"}) == expected


@pytest.mark.parametrize(
    "said", ["", "open-sesame", '{"Secret": "open-sesame"}', '{"Username": 7, "Secret": "open-sesame"}']
)
def test_a_helper_that_answers_something_else_is_named_and_not_quoted(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(f"echo '{said}'", tmp_path, monkeypatch)
    with pytest.raises(
        BuildError, match=r"docker-credential-fake, which .*config\.json names, does not answer"
    ) as raised:
        login(tmp_path, "a.io/b", credsStore="fake")
    assert "sesame" not in str(raised.value)
