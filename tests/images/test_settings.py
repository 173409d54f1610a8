"""How the commands of a build reach package indexes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.images.settings import proxy_arguments, settings_parts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def environment(home: Path, **environ: str) -> Mapping[str, str]:
    """The variables that a shell has after it has read the file; pip's files of this machine are left out."""
    given = {"PIP_CONFIG_FILE": "/dev/null", **environ}
    text = settings_parts(given, home)["environment"].decode()
    printed = subprocess.run(["/bin/sh", "-c", f"{text}env -0"], env={}, capture_output=True, check=True).stdout
    return dict(pair.split("=", 1) for pair in printed.decode().split("\0") if pair)


def test_an_ordinary_machine_passes_nothing_on(home: Path) -> None:
    variables = environment(home)
    assert not {name for name in variables if "INDEX" in name or "CERT" in name}


def test_an_index_is_used_by_pip_and_by_uv(home: Path) -> None:
    variables = environment(home, PIP_INDEX_URL="https://a:it's@example.org/simple")
    assert variables["PIP_INDEX_URL"] == variables["UV_DEFAULT_INDEX"] == "https://a:it's@example.org/simple"


def test_pips_own_file_is_read_and_the_environment_wins(home: Path) -> None:
    file = home / "pip.conf"
    home.mkdir()
    file.write_text(
        "[global]\nindex-url = https://one.example/\ntimeout = 7\n[install]\nextra_index_url = https://x/\n"
    )
    variables = environment(home, PIP_CONFIG_FILE=str(file), PIP_TIMEOUT="9")
    named = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TIMEOUT")
    assert [variables[name] for name in named] == ["https://one.example/", "https://x/", "9"]


def test_folders_of_this_machine_are_not_passed_on(home: Path) -> None:
    variables = environment(home, PIP_EXTRA_INDEX_URL="file:///srv/simple https://x.example/ /srv/other")
    assert variables["PIP_EXTRA_INDEX_URL"] == "https://x.example/"


@pytest.mark.parametrize("name", ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_travel_with_the_settings(name: str, home: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN")
    given = {"PIP_CONFIG_FILE": "/dev/null", name: str(bundle)}
    assert settings_parts(given, home)["ca.pem"] == b"-----BEGIN"
    assert environment(home, **given)["SSL_CERT_FILE"] == "/run/tidegate/settings/ca.pem"


def test_certificates_that_are_not_there_are_no_setting(home: Path) -> None:
    assert "ca.pem" not in settings_parts({"SSL_CERT_FILE": "/nowhere", "PIP_CONFIG_FILE": "/dev/null"}, home)


def test_a_proxy_is_a_build_argument() -> None:
    assert proxy_arguments({"https_proxy": "http://p:3128", "HTTP_PROXY": "", "PATH": "/bin"}) == {
        "HTTPS_PROXY": "http://p:3128"
    }
