"""How this machine reaches package indexes, for the commands of a build, which get none of its environment.

Mounted while a command runs; in no layer of the image and not in its history, since an index URL may hold a password.
"""

from __future__ import annotations

import configparser
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

CERTIFICATES = "ca.pem"
_PLACE = "/run/tidegate/settings"
# pip's options that mean the same inside; a folder of this machine, and what a log looks like, do not.
_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
_UV = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "trusted-host": "UV_INSECURE_HOST"}
_CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_ALWAYS = {
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CACHE_DIR": "/run/tidegate/cache/pip",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_ROOT_USER_ACTION": "ignore",
    "UV_CACHE_DIR": "/run/tidegate/cache/uv",
    "UV_LINK_MODE": "copy",
}
# Docker itself keeps these out of an image: https://docs.docker.com/reference/dockerfile/#predefined-args
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


def settings_parts(environ: Mapping[str, str], home: Path) -> dict[str, bytes]:
    """Name → content: `environment`, a file for the shell, and the certificates that it names, if there are any."""
    options = _pip_options(environ, home)
    certificates = _certificates(environ, options)
    variables = dict(_ALWAYS)
    for option in _OPTIONS:
        values = " ".join(word for word in options.get(option, "").split() if not _on_this_machine(word))
        if values:
            variables[_variable(option)] = values
            if option in _UV:
                variables[_UV[option]] = values
    if certificates:
        variables |= dict.fromkeys(_CERTIFICATE_VARIABLES, f"{_PLACE}/{CERTIFICATES}")
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return {"environment": lines.encode()} | ({CERTIFICATES: certificates} if certificates else {})


def proxy_arguments(environ: Mapping[str, str]) -> dict[str, str]:
    """The build arguments for a machine that reaches the network through a proxy."""
    given = {name: environ.get(name) or environ.get(name.lower(), "") for name in _PROXIES}
    return {name: value for name, value in given.items() if value}


def _pip_options(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """https://pip.pypa.io/en/stable/topics/configuration/ without pip, which need not be installed here."""
    parser = configparser.RawConfigParser(strict=False)
    for file in _pip_files(environ, home):
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):  # pip itself will say so
            continue
    options: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    named = {option: environ.get(_variable(option), "") for option in (*_OPTIONS, "cert")}
    return options | {option: value for option, value in named.items() if value}


def _pip_files(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    named = environ.get("PIP_CONFIG_FILE")
    if named == "/dev/null":
        return
    yield Path("/etc/xdg/pip/pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip/pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named:
        yield Path(named)


def _certificates(environ: Mapping[str, str], options: Mapping[str, str]) -> bytes:
    for name in (options.get("cert", ""), *(environ.get(name, "") for name in _CERTIFICATE_VARIABLES[1:])):
        if name and Path(name).is_file():
            return Path(name).read_bytes()
    return b""


def _on_this_machine(word: str) -> bool:
    return word.startswith(("file:", "/", ".", "~"))


def _variable(option: str) -> str:
    return f"PIP_{option.upper().replace('-', '_')}"
