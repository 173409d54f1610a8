"""Pulling images, as whom `docker login` has made this user known to their registry."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from aiodocker import Docker

_DOCKER_HUB = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # what a credential helper calls the user of a token


async def pull(docker: Docker, image: str) -> AsyncIterator[dict[str, Any]]:
    """The engine's account, until it has the image; raises DockerError."""
    registry = _registry(image)
    # aiodocker takes a login only for names that have a "/"; on Docker Hub the others are everybody's.
    login = await _login(registry, os.environ, Path.home()) if "/" in image else None
    async for line in docker.images.pull(image, auth=login, stream=True):
        yield line


def _registry(image: str) -> str:
    """By the rule that Docker has for names: https://pkg.go.dev/github.com/distribution/reference"""
    host = image.partition("/")[0]
    named = "/" in image and ("." in host or ":" in host or host == "localhost")
    return host if named else _DOCKER_HUB


async def _login(registry: str, environ: Mapping[str, str], home: Path) -> dict[str, str] | None:
    """In the configuration file, or behind a helper that it names: https://docs.docker.com/reference/cli/docker/login/"""
    try:
        file = Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
        config = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    helper = config.get("credHelpers", {}).get(registry) or config.get("credsStore")
    if helper:
        return await _from_helper(f"docker-credential-{helper}", registry)
    entry = config.get("auths", {}).get(registry, {})
    if token := entry.get("identitytoken"):
        return {"identitytoken": token}
    user, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    return {"username": user, "password": password} if user else None


async def _from_helper(program: str, registry: str) -> dict[str, str] | None:
    """https://github.com/docker/docker-credential-helpers#usage; nothing if it knows nothing."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    said, _ = await process.communicate(registry.encode())
    if process.returncode != 0:
        return None
    found = orjson.loads(said)
    if found["Username"] == _TOKEN_USER:
        return {"identitytoken": found["Secret"]}
    return {"username": found["Username"], "password": found["Secret"]}
