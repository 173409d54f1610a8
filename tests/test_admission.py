from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from proxy.admission import Admission
from proxy.config import parse
from proxy.config.app import AppConfig
from proxy.config.key_file import KeyFile
from proxy.errors import ConfigError, Forbidden
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.keys import Keys
from proxy.net.service import Service
from tests.net.house import App as House
from tests.net.key_records import record

OPENS = b"Bearer tg_k1_secret"


def app(folder: Path, toml: str = "", closed: bool = True) -> AppConfig:
    text = f'[cerebrium.deployment]\nname = "demo"\ndisable_auth = {str(not closed).lower()}\n{toml}'
    return parse(text, folder / "cerebrium.toml")


def keep(file: Path, **fields: object) -> None:
    with KeyFile(file).changing() as records:
        records[:] = [record("k1", **fields)]


def served(config: AppConfig) -> Service:
    deadlines = Deadlines(0.1)
    return House(config, Connections(asyncio.TaskGroup(), deadlines, 1.0), deadlines).service


def opens(keys: Keys) -> bool:
    try:
        keys.identify(OPENS, 0.0)
    except Forbidden:
        return False
    return True


def test_a_key_opens_and_closes_apps_at_the_next_look(tmp_path: Path) -> None:
    admission = Admission(tmp_path / "keys.json")
    keys = admission.keys_of(app(tmp_path))
    seen = [opens(keys)]
    for fields in ({}, {"apps": ["other"]}, {}, {"revoked": "2026-01-02T00:00:00Z"}):
        keep(tmp_path / "keys.json", **fields)
        admission.look()
        seen.append(opens(keys))
    assert seen == [False, True, False, True, False]


def test_a_file_that_is_gone_leaves_the_keys_that_were_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep(tmp_path / "keys.json")
    admission = Admission(tmp_path / "keys.json")
    keys = admission.keys_of(app(tmp_path))
    (tmp_path / "keys.json").unlink()
    for _ in range(2):
        admission.look()
    assert opens(keys)
    assert "the file of keys is gone: bring it back, or revoke keys one by one" in caplog.text


def test_a_broken_file_is_a_mistake_only_where_keys_are_needed(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    admission = Admission(tmp_path / "keys.json")
    admission.keys_of(app(tmp_path, closed=False))
    with pytest.raises(ConfigError):
        admission.keys_of(app(tmp_path))


@pytest.mark.parametrize(("apps", "warned"), [([], False), (["demo"], False), (["other"], True)])
def test_an_app_that_nobody_can_open_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, apps: list[str], warned: bool
) -> None:
    keep(tmp_path / "keys.json", apps=apps)
    with caplog.at_level(logging.WARNING):
        Admission(tmp_path / "keys.json").keys_of(app(tmp_path))
    assert ("no key opens app demo" in caplog.text) is warned


@pytest.mark.parametrize("gone", [False, True])
def test_an_app_with_tokens_has_their_file_watched_while_it_is_served_and_needs_no_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gone: bool
) -> None:
    (tmp_path / "secret").write_text("s" * 32)
    admission = Admission(tmp_path / "keys.json")
    keys = admission.keys_of(app(tmp_path, '[tidegate.auth.jwt]\nsecret_file = "secret"'))
    assert caplog.messages == []
    service = served(app(tmp_path))
    admission.open(service, keys)
    if gone:
        admission.close(service)
    (tmp_path / "secret").write_text("t" * 40)
    with caplog.at_level(logging.INFO):
        admission.look()
    assert ("secret: read again" in caplog.text) is not gone


def test_tokens_for_an_open_app_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Admission(tmp_path / "keys.json").keys_of(app(tmp_path, '[tidegate.auth.jwt]\nsecret_env = "X"', closed=False))
    assert "tidegate.auth.jwt has no effect while cerebrium.deployment.disable_auth is true" in caplog.text
