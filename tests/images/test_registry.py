"""Pulling images, with the login that docker has."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiodocker import Docker

from proxy.errors import BuildError
from proxy.images.registry import _login, pull

ADA = {"auth": base64.b64encode(b"ada:pass:word").decode()}
HUB = "https://index.docker.io/v1/"


class FakeEngine:
    """Remembers the login of each pull."""

    def __init__(self) -> None:
        self.logins: list[object] = []
        self.images = SimpleNamespace(pull=self._pull)

    async def _pull(self, image: str, auth: object, stream: bool) -> AsyncIterator[dict[str, object]]:
        self.logins.append(auth)
        yield {"status": f"Pulling {image}"}


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def login(folder: Path, image: str, **config: object) -> object:
    (folder / "config.json").write_text(json.dumps(config))
    engine = FakeEngine()

    async def run() -> None:
        assert [line async for line in pull(cast(Docker, engine), image)] == [{"status": f"Pulling {image}"}]

    asyncio.run(run())
    return engine.logins[0]


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nvcr.io/nvidia/cuda:12", "nvcr.io"),
        ("localhost/a", "localhost"),
        ("host:5000/a/b@sha256:1", "host:5000"),
        ("ada/model", HUB),
    ],
)
def test_a_registrys_login_is_used_for_its_images(image: str, registry: str, tmp_path: Path) -> None:
    assert login(tmp_path, image, auths={registry: ADA}) == {"username": "ada", "password": "pass:word"}


@pytest.mark.parametrize("image", ["debian:bookworm-slim", "other.io/a", "ada/model"])
def test_no_login_goes_to_another_registry(image: str, tmp_path: Path) -> None:
    assert login(tmp_path, image, auths={"nvcr.io": ADA}) is None


def test_a_token_is_used_as_one(tmp_path: Path) -> None:
    assert login(tmp_path, "a.io/b", auths={"a.io": {"identitytoken": "t"}}) == {"identitytoken": "t"}


def test_a_helper_that_is_not_there_is_no_login(tmp_path: Path) -> None:
    assert login(tmp_path, "a.io/b", credsStore="tidegate-test-none") is None


def test_a_file_that_cannot_be_read_is_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    assert login(tmp_path, "a.io/b") is None


def test_what_has_nothing_to_do_with_the_registry_does_not_matter(tmp_path: Path) -> None:
    odd: dict[str, object] = {
        "credHelpers": None,
        "auths": {"b.io": 7, "nvcr.io": {**ADA, "identitytoken": None}},
        "psFormat": [],
    }
    assert login(tmp_path, "nvcr.io/a", **odd) == {"username": "ada", "password": "pass:word"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", r"Invalid JSON: EOF"),
        ("[]", "the whole is not what Docker writes there"),
        ('{"auths": {"a.io": {"auth": "secret"}}}', "auths.a.io.auth is not what"),
        ('{"auths": {"a.io": {"auth": 7}}}', "auths.a.io.auth is not what"),
        ('{"auths": {"a.io": 7}}', "auths.a.io is not what"),
        ('{"credsStore": []}', "credsStore is not what"),
    ],
)
def test_a_configuration_that_docker_did_not_write_is_one_sentence_without_secrets(
    text: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BuildError, match=rf"config\.json: .*{sentence}.*: correct it, or .*`docker login`") as raised:
        asyncio.run(_login("a.io", {"DOCKER_CONFIG": str(tmp_path)}, tmp_path))
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
