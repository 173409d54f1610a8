"""The image of one app, by an engine that remembers what it was asked."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from aiodocker import Docker, DockerError

from proxy.errors import BuildError
from proxy.images.image import build_image
from proxy.images.progress import Progress
from tests.backends.apps import app
from tests.images.test_trace import line, text, vertex

DOCKERFILE = '[cerebrium.runtime.custom]\ndockerfile_path = "Dockerfile"\n'


class FakeEngine:
    """Has `images`; answers a build with `lines` and keeps its parameters and its archive."""

    docker_host = "unix://localhost"

    def __init__(self, *images: str) -> None:
        self.present = {name: f"sha256:{name}" for name in images}
        self.lines: list[dict[str, Any]] = []
        self.status = 200
        self.parameters: list[dict[str, str]] = []
        self.archives: list[bytes] = []
        self.images = SimpleNamespace(inspect=self._inspect)
        self.session = SimpleNamespace(post=self._post)

    async def _inspect(self, name: str) -> dict[str, object]:
        if name not in self.present:
            raise DockerError(404, f"No such image: {name}")
        return {"Id": self.present[name], "Config": {"User": ""}}

    @asynccontextmanager
    async def _post(
        self, url: str, params: dict[str, str], data: AsyncIterator[bytes], **_: object
    ) -> AsyncIterator[object]:
        sent = b"".join([piece async for piece in data])
        self.archives.append(sent)
        self.parameters.append(params)
        self.present[params["t"]] = "sha256:new"
        told = b"".join(orjson.dumps(one) + b"\r\n" for one in self.lines)

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(told), 7):
                yield told[start : start + 7]

        async def whole() -> bytes:
            return orjson.dumps({"message": "dockerfile parse error"})

        yield SimpleNamespace(status=self.status, content=SimpleNamespace(iter_any=pieces), read=whole)

    def text(self, name: str) -> str:
        with tarfile.open(fileobj=io.BytesIO(self.archives[-1])) as archive:
            file = archive.extractfile(name)
            assert file is not None
            return file.read().decode()

    def names(self) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(self.archives[-1])) as archive:
            return archive.getnames()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine("debian:bookworm-slim")


def build(engine: FakeEngine, folder: Path, toml: str = "", anew: bool = False) -> str:
    (folder / "main.py").touch()
    told: list[Progress] = []
    return asyncio.run(build_image(cast(Docker, engine), app(folder, toml), told.append, anew))


def test_tag_is_the_apps_name_and_a_hash(engine: FakeEngine, tmp_path: Path) -> None:
    name, _, digest = build(engine, tmp_path).partition(":")
    assert name == "tidegate/demo"
    assert len(digest) == 16
    assert engine.parameters[0]["t"] == f"{name}:{digest}"
    assert engine.parameters[0]["version"] == "2"


def test_what_is_there_is_not_built_again_unless_it_has_to(engine: FakeEngine, tmp_path: Path) -> None:
    first = build(engine, tmp_path)
    assert build(engine, tmp_path) == first
    assert len(engine.parameters) == 1
    assert build(engine, tmp_path, anew=True) == first
    assert [parameters["nocache"] for parameters in engine.parameters] == ["0", "1"]


def test_tag_changes_with_the_files_the_settings_and_the_base_image(engine: FakeEngine, tmp_path: Path) -> None:
    tags = {build(engine, tmp_path), build(engine, tmp_path, 'shell_commands = ["true"]')}
    engine.present["debian:bookworm-slim"] = "sha256:newer"
    tags.add(build(engine, tmp_path))
    (tmp_path / "weights.bin").touch()
    tags.add(build(engine, tmp_path))
    assert len(tags) == 4


def test_tag_does_not_know_where_packages_come_from(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(engine, tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    assert build(engine, tmp_path, anew=True) == first
    assert "example.org" in engine.text(".tidegate/settings/environment")


def test_a_dockerfile_of_the_users_gets_the_files_and_the_entrypoint(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "Dockerfile.dockerignore").write_text("main.py")
    build(engine, tmp_path, DOCKERFILE + 'entrypoint = "serve $PORT"')
    assert engine.text(".tidegate/Dockerfile") == 'FROM scratch\nENTRYPOINT []\nCMD ["serve", "8000"]'
    assert "main.py" not in engine.names()


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('exclude = ["main.py"]\ninclude = ["*.py"]', "deployment.include and deployment.exclude leave no file"),
        ('include = ["*.txt"]', r"main\.py is not among the files of the app"),
        ('python_version = "3.10"', r'python_version is "3\.10", but functions are served by Python 3\.11 or newer'),
        (DOCKERFILE, "dockerfile_path names Dockerfile, which is no file"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(toml: str, sentence: str, engine: FakeEngine, tmp_path: Path) -> None:
    if "txt" in toml:
        (tmp_path / "notes.txt").touch()
    with pytest.raises(BuildError, match=sentence):
        build(engine, tmp_path, toml)
    assert engine.parameters == []


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("no space left on device", ["its image cannot be built: the disk that holds Docker's images"]),
        (
            "unknown instruction: RUM",
            ["its image cannot be built: unknown instruction: RUM; the last lines were", "  Step 1/2"],
        ),
    ],
)
def test_a_build_that_fails_without_a_step_says_what_the_engine_said(
    said: str, lines: list[str], engine: FakeEngine, tmp_path: Path
) -> None:
    engine.lines = [{"stream": "Step 1/2\n"}, {"error": said}]
    with pytest.raises(BuildError) as error:
        build(engine, tmp_path)
    told = str(error.value).removeprefix(f"{tmp_path}/cerebrium.toml: ").splitlines()
    assert all(line.startswith(expected) for line, expected in zip(told, lines, strict=True))


def test_what_a_failed_command_prints_is_not_taken_for_the_engines_words(engine: FakeEngine, tmp_path: Path) -> None:
    said = "executor failed running [check]: exit code: 3"
    step = [text(1, b"a"), text(3, b"[2/2] RUN check"), text(5, b""), text(7, said.encode())]
    log = text(3, text(1, b"a") + text(4, b"address already in use\n"))
    engine.lines = [orjson.loads(line(vertex(step), log)), {"error": said}]
    with pytest.raises(BuildError) as error:
        build(engine, tmp_path)
    told = str(error.value).removeprefix(f"{tmp_path}/cerebrium.toml: its image cannot be built: ").splitlines()
    assert told[0].startswith(
        "[2/2] RUN check ended with exit code 3; correct cerebrium.runtime.custom.dockerfile_path"
    )
    assert told[1:] == ["  address already in use"]


def test_a_build_that_the_engine_refuses_says_why(engine: FakeEngine, tmp_path: Path) -> None:
    engine.status = 400
    with pytest.raises(BuildError, match=r"the Docker Engine does not build its image: dockerfile parse error"):
        build(engine, tmp_path)


@pytest.mark.parametrize("toml", ["", DOCKERFILE])
def test_no_image_has_the_apps_secrets(toml: str, engine: FakeEngine, tmp_path: Path) -> None:
    for name in ("Dockerfile", "prod.env", "jwt.txt"):
        (tmp_path / name).write_text("A=1")
    (tmp_path / "link").symlink_to("prod.env")
    (tmp_path / "loop").symlink_to("loop")
    secrets = '[tidegate]\nenv_file = "./prod.env"\n[tidegate.auth.jwt]\nsecret_file = "jwt.txt"\n'
    build(engine, tmp_path, toml + secrets)
    names = {name.rpartition("/")[2] for name in engine.names()}
    assert {"main.py", "prod.env", "jwt.txt", "link", "loop"} & names == {"main.py", "loop"}
