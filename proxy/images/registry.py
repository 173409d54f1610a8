"""Pulling images, as whom `docker login` has made this user known to their registry."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from aiodocker import Docker
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from proxy.errors import BuildError
from proxy.program import ProgramError, ProgramSilent, ask

_DOCKER_HUB = "https://index.docker.io/v1/"
_HELPER_SECONDS = 60.0  # some ask a service elsewhere
_TOKEN_USER = "<token>"  # what a credential helper calls the user of a token


def _decoded(text: str) -> str:
    """Raises ValueError."""
    return base64.b64decode(text, validate=True).decode()


class _Table(BaseModel):
    """Where null is as good as nothing."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: object) -> object:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class _Entry(_Table):
    """One login: USER:PASSWORD, which is in base64 there, or a token."""

    login: Annotated[str, AfterValidator(_decoded)] = Field(default="", alias="auth")
    token: str = Field(default="", alias="identitytoken")


class _Config(_Table):
    """What of Docker's configuration is about logins; those to other registries may be as they like."""

    helpers: dict[str, object] = Field(default={}, alias="credHelpers")
    store: str = Field(default="", alias="credsStore")
    logins: dict[str, object] = Field(default={}, alias="auths")


class _Found(_Table):
    """A helper's answer."""

    user: str = Field(alias="Username")
    secret: str = Field(alias="Secret")


async def pull(docker: Docker, image: str) -> AsyncIterator[dict[str, Any]]:
    """The engine's account, until it has the image; raises DockerError, BuildError if Docker's login is unreadable."""
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
    """In the configuration file, or behind a helper that it names: https://docs.docker.com/reference/cli/docker/login/

    Raises BuildError if either is there, and not as Docker writes it.
    """
    file = Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    try:
        config = _Config.model_validate_json(file.read_bytes())
        entry = _Entry.model_validate(config.logins.get(registry) or {})
    except OSError:
        return None
    except ValidationError as error:
        raise BuildError(
            f"{file}: {_first(error, registry)}: correct it, or write it anew with `docker login`"
        ) from None
    if helper := config.helpers.get(registry) or config.store:
        return await _from_helper(f"docker-credential-{helper}", registry, file)
    if entry.token:
        return {"identitytoken": entry.token}
    user, _, password = entry.login.partition(":")
    return {"username": user, "password": password} if user else None


async def _from_helper(program: str, registry: str, file: Path) -> dict[str, str] | None:
    """https://github.com/docker/docker-credential-helpers#usage; nothing if it knows nothing."""
    try:
        said = await ask((program, "get"), _HELPER_SECONDS, registry.encode())
    except ProgramSilent as error:
        raise BuildError(f"{error}: mend it, or take it out of credsStore and credHelpers in {file}") from None
    except ProgramError:
        return None
    try:
        found = _Found.model_validate_json(said)
    except ValidationError:  # what it said may be a secret
        raise BuildError(
            f"{program}, which {file} names, does not answer with the Username and Secret of {registry} as JSON: "
            "mend it, or take it out of credsStore and credHelpers"
        ) from None
    if found.user == _TOKEN_USER:
        return {"identitytoken": found.secret}
    return {"username": found.user, "password": found.secret}


def _first(error: ValidationError, registry: str) -> str:
    """What is wrong, without the value, which may be a secret."""
    detail = error.errors(include_url=False, include_input=False)[0]
    if detail["type"] == "json_invalid":
        return detail["msg"]
    place = ("auths", registry) if error.title == _Entry.__name__ else ()
    return f"{'.'.join(map(str, (*place, *detail['loc']))) or 'the whole'} is not what Docker writes there"
