from __future__ import annotations

import aiohttp
import pytest
from aiodocker import DockerError

from proxy.engine.connection import engine_errors, meaning
from proxy.errors import EngineError


def said(error: Exception, cause: Exception | None = None) -> str:
    error.__context__ = cause  # aiodocker raises while it handles the cause
    with pytest.raises(EngineError) as raised, engine_errors("start a container"):
        raise error
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "install the NVIDIA Container Toolkit"),
        ("driver failed: Bind for 127.0.0.1:80 failed: port is already allocated", "a port that it publishes is taken"),
        ("mkdir /var/lib/docker/x: no space left on device", "free some with `docker system prune`"),
        (
            'runc create failed: exec: "uvicorn": executable file not found in $PATH: unknown',
            "its image has no program uvicorn: correct cerebrium.runtime.custom.entrypoint",
        ),
        ("network apps not found", "make it with `docker network create apps`"),
        ("invalid mount config for type: bind source path does not exist: /x", "correct tidegate.docker.volumes"),
    ],
)
def test_what_a_user_can_mend_is_said_with_the_mend(text: str, sentence: str) -> None:
    assert sentence in said(DockerError(500, text))


def test_anything_else_is_the_engines_own_words_on_one_line() -> None:
    assert (
        said(DockerError(500, "the\nmoon is\tblue"))
        == "the Docker Engine failed to start a container: the moon is blue"
    )
    assert meaning("the moon is blue") is None


def test_an_engine_that_is_not_there_is_said_with_its_address() -> None:
    message = "Cannot connect to Docker Engine via unix:///run/docker.sock [refused]"
    assert said(DockerError(900, message), ConnectionRefusedError(111, "refused")) == (
        "the Docker Engine does not answer at unix:///run/docker.sock: "
        "start it (`sudo systemctl start docker`), or set DOCKER_HOST"
    )


def test_a_socket_that_is_not_ours_is_said_with_the_group() -> None:
    message = "Cannot connect to Docker Engine via unix:///run/docker.sock [denied]"
    denied = PermissionError(13, "Permission denied")
    assert said(DockerError(900, message), denied).startswith(
        "no permission to use the Docker Engine at unix:///run/docker.sock: add yourself to its group"
    )


def test_an_engine_that_breaks_off_or_hangs_is_an_error_of_the_engine() -> None:
    assert "does not answer" in said(aiohttp.ServerDisconnectedError())
    assert "did not answer within 120 s when it was to start a container" in said(TimeoutError())
