"""Asking a running `tidegate up` through its admin port."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from proxy.admin.mark import FIELD
from proxy.cli.access import is_loopback, sendable
from proxy.errors import UserError

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.error import HTTPError

_SECONDS = 10.0

# JSON documents: their values are of any type that JSON has.
Document = dict[str, Any]


def _url(value: str) -> str:
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise typer.BadParameter(f"{value} is no address such as http://127.0.0.1:8001")
    return url.rstrip("/")


def complete_app(context: typer.Context, incomplete: str) -> list[str]:
    """For the shell: the apps that run."""
    return [name for name in (str(app["name"]) for app in _known(context)) if name.startswith(incomplete)]


def complete_replica(context: typer.Context, incomplete: str) -> list[str]:
    """For the shell: the replicas that run."""
    names = [str(replica["id"]) for app in _known(context) for replica in app["replicas"]]
    return [name for name in names if name.startswith(incomplete)]


def _known(context: typer.Context) -> list[Document]:
    try:
        admin, key = (str(context.params.get(name) or "") for name in ("admin", "admin_key"))
        return Remote(admin or ADMIN_DEFAULT, key or os.environ.get("TIDEGATE_ADMIN_KEY", "")).apps()
    except UserError:  # a shell that completes is no place for a sentence
        return []


ADMIN_DEFAULT = "http://127.0.0.1:8001"
_ADMIN = typer.Option(envvar="TIDEGATE_ADMIN", callback=_url, metavar="URL", help="Admin port of the running up.")
Admin = Annotated[str, _ADMIN]
_KEY = typer.Option(envvar="TIDEGATE_ADMIN_KEY", metavar="KEY", help="The key of the admin port, if it has one.")
AdminKey = Annotated[str, _KEY]
_APP = typer.Argument(metavar="[APP]", help="Name of the app, where there are several.", autocompletion=complete_app)
AppName = Annotated[str | None, _APP]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


class Nobody(UserError):
    """No `tidegate up` answers there."""


class Remote:
    """The admin API at `url`; every call raises UserError with what it answers, or why nobody does."""

    def __init__(self, url: str, key: str = "") -> None:
        self._url = url
        key = sendable(key).encode().decode("latin-1")  # in which the library writes fields: it goes out as UTF-8
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def apps(self) -> list[Document]:
        found: list[Document] = self._ask("/api/apps")
        return found

    def app_path(self, name: str | None, rest: str = "") -> str:
        """The path below which `name` is found; without a name that of the only app."""
        return f"/api/apps/{quote(name or self._only_app(), safe='')}{rest}"

    def get(self, path: str) -> Any:  # Any: a JSON document
        return self._ask(path)

    def post(self, path: str, document: Document) -> Any:  # Any: a JSON document
        return self._ask(path, json.dumps(document).encode())

    def lines(self, path: str) -> Iterator[str]:
        """What is streamed there, line by line, until it ends."""
        from http.client import HTTPException

        with self._open(path) as response:
            try:
                for line in response:
                    yield line.decode().rstrip("\n")
            except (OSError, HTTPException) as error:
                raise UserError(f"the connection to {self._url} is lost: {error}") from None

    def _only_app(self) -> str:
        names = [str(app["name"]) for app in self.apps()]
        if len(names) != 1:
            raise UserError(f"there are several apps: name one of {', '.join(names)}")
        return names[0]

    def _ask(self, path: str, body: bytes | None = None) -> Any:  # Any: a JSON document
        from http.client import HTTPException

        with self._open(path, body) as response:
            try:
                return json.load(response)
            except (OSError, ValueError, HTTPException) as error:
                raise self._nobody(error) from None

    def _open(self, path: str, body: bytes | None = None) -> HTTPResponse:
        # Imported here: the commands that serve or check need no HTTP client.
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import ProxyHandler, Request, build_opener

        headers = self._headers | ({"content-type": "application/json"} if body else {})
        request = Request(self._url + path, body, headers)
        # Past http_proxy where it is this machine: another would ask its own, and be told the key.
        opener = build_opener(*([ProxyHandler({})] if is_loopback(urlsplit(self._url).hostname or "") else []))
        try:
            response: HTTPResponse = opener.open(request, timeout=_SECONDS)
        except HTTPError as error:
            raise UserError(_message(error)) from None
        except (URLError, OSError, ValueError, HTTPException) as error:
            raise self._nobody(getattr(error, "reason", error)) from None
        if FIELD not in response.headers:  # a replica that answers whatever it is asked, say
            response.close()
            raise UserError(_no_admin_port(response.url))
        return response

    def _nobody(self, reason: object) -> Nobody:
        said = getattr(reason, "strerror", None) or reason
        return Nobody(
            f"no tidegate up answers at {self._url} ({said}): start one, or name its admin address with --admin"
        )


def _message(error: HTTPError) -> str:
    where = urlsplit(error.url)
    if FIELD not in error.headers and error.code < 500:  # such as the data port; more is a gateway's before it
        return _no_admin_port(error.url)
    if error.code == 401:
        return f"{where.scheme}://{where.netloc} wants its key: set TIDEGATE_ADMIN_KEY, or give --admin-key"
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the admin port answered {error.code} to {where.path}"


def _no_admin_port(url: str) -> str:
    where = urlsplit(url)
    return f"{where.scheme}://{where.netloc} is no admin port: name the one that `tidegate up` printed with --admin"
