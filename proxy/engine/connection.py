"""The way to this machine's Docker Engine, and what its errors mean to a person."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiodocker import Docker, DockerError

from proxy.errors import EngineError

# Nothing that is asked here takes long; what does (pull, build, logs, events) has no such limit in aiodocker.
_ANSWER_SECONDS = 120.0

# (what the engine says, what that means and what to do), the first that fits.
_MEANINGS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence)
    for pattern, sentence in (
        (
            r"could not select device driver|nvidia-container-(cli|runtime)|unresolvable CDI",
            "the Docker Engine cannot give it a GPU: install the NVIDIA Container Toolkit, "
            'or set cerebrium.hardware.compute = "CPU"',
        ),
        (
            r"port is already allocated|address already in use",
            "a port that it publishes is taken: end what uses the port, or change it in tidegate.docker.run_options",
        ),
        (
            r"no space left on device",
            "the disk that holds Docker's images and containers is full: free some with `docker system prune`",
        ),
        (
            r'exec: "?(?P<what>[^":]+)"?: (executable file not found|stat .*no such file|permission denied)',
            "its image has no program {what}: correct cerebrium.runtime.custom.entrypoint, or the image",
        ),
        (
            r"network (?P<what>\S+) not found",
            "there is no Docker network {what}: make it with `docker network create {what}`, "
            "or correct tidegate.docker.network",
        ),
        (
            r"bind source path does not exist|invalid volume specification|invalid mode|invalid mount config",
            "a volume cannot be mounted ({said}): correct tidegate.docker.volumes",
        ),
    )
)


def connect(api_version: str = "auto") -> Docker:
    """A client of the engine that DOCKER_HOST, the Docker context or the usual socket names; the caller closes it.

    Raises EngineError if there is none. A running event loop is needed.
    """
    try:
        return Docker(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS), api_version=api_version)
    except (AssertionError, ValueError, DockerError) as error:  # aiodocker asserts that it found a socket
        said = f" ({error})" if str(error) else ""
        raise EngineError(
            f"no Docker Engine was found on this machine{said}: "
            "install and start Docker, or set DOCKER_HOST to the engine's socket"
        ) from error


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn whatever the client raises into an EngineError; `doing` completes "the Docker Engine failed to …"."""
    try:
        yield
    except DockerError as error:
        raise EngineError(_sentence(doing, error)) from error
    except TimeoutError as error:
        raise EngineError(
            f"the Docker Engine did not answer within {_ANSWER_SECONDS:g} s when it was to {doing}: "
            "look at its log, or restart it"
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineError(_unreachable(error, str(error))) from error


def meaning(said: str) -> str | None:
    """What a person can do about something that the engine said; None if it has to speak for itself."""
    for pattern, sentence in _MEANINGS:
        match = pattern.search(said)
        if match:
            what = next((group for group in match.groupdict().values() if group), "")
            return sentence.format(what=what, said=_one_line(said))
    return None


def _sentence(doing: str, error: DockerError) -> str:
    if error.status == 900:  # aiodocker's number for "no connection"
        return _unreachable(error.__context__, error.message)
    return meaning(error.message) or f"the Docker Engine failed to {doing}: {_one_line(error.message)}"


def _unreachable(error: BaseException | None, said: str) -> str:
    cause = getattr(error, "os_error", error)
    where = _socket(said)
    if getattr(cause, "errno", None) in {errno.EACCES, errno.EPERM}:
        return (
            f"no permission to use the Docker Engine{where}: add yourself to its group "
            "(`sudo usermod -aG docker $USER`, then log in again), or run Tidegate as root"
        )
    return f"the Docker Engine does not answer{where}: start it (`sudo systemctl start docker`), or set DOCKER_HOST"


def _socket(said: str) -> str:
    match = re.search(r"via (\S+)", said)
    return f" at {match[1]}" if match else ""


def _one_line(said: str) -> str:
    return " ".join(said.split())
