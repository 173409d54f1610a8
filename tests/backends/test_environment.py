from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.environment import build_id, inherited, variables, withhold
from tests.backends.apps import app


def test_a_replica_is_told_what_the_contract_promises(tmp_path: Path) -> None:
    config = app(tmp_path, "[cerebrium.scaling]\nreplica_concurrency = 4")
    assert variables(config, "demo-1", 41000, "0123456789ab") == {
        "PORT": "41000",
        "MAX_CONCURRENT_TASKS": "4",
        "APP_NAME": "demo",
        "PROJECT_ID": "local",
        "BUILD_ID": "0123456789ab",
        "REPLICA_ID": "demo-1",
        "PYTHONUNBUFFERED": "1",
    }


def test_the_users_variables_are_given_but_cannot_move_the_port(tmp_path: Path) -> None:
    given = variables(app(tmp_path, '[tidegate.env]\nMODEL = "tiny"\nPORT = "1"'), "demo-1", 41000, "")
    assert (given["MODEL"], given["PORT"]) == ("tiny", "41000")


def test_a_process_inherits_all_but_what_any_app_names_for_the_proxy_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TIDEGATE_ADMIN_KEY", "DEMO_TOKENS", "DEMO_MAIL", "OTHER"):
        monkeypatch.setenv(name, "x")
    notify = '[tidegate.notify]\nsmtp_user = "us"\nsmtp_password_env = "DEMO_MAIL"'
    withhold([app(tmp_path, '[tidegate.auth.jwt]\nsecret_env = "DEMO_TOKENS"'), app(tmp_path, notify), app(tmp_path)])
    assert {"TIDEGATE_ADMIN_KEY", "DEMO_TOKENS", "DEMO_MAIL", "OTHER"} & inherited().keys() == {"OTHER"}


@pytest.mark.parametrize(
    "toml",
    [
        "[cerebrium.scaling]\nreplica_concurrency = 7",
        "[cerebrium.hardware]\nmemory = 8",
        "[cerebrium.runtime.custom]\nentrypoint = 'serve'",
        "[tidegate.env]\nMODEL = 'tiny'",
    ],
)
def test_the_build_changes_with_what_a_replica_is_given(toml: str, tmp_path: Path) -> None:
    assert build_id(app(tmp_path, toml), ()) != build_id(app(tmp_path), ())


@pytest.mark.parametrize(
    "toml",
    [
        "[cerebrium.scaling]\ncooldown = 7\nmax_replicas = 3",
        "[cerebrium.runtime.custom]\nreadycheck_endpoint = '/ready'",
        "[tidegate.queue]\nmax_length = 7",
    ],
)
def test_the_build_stays_where_only_the_proxy_does_something_else(toml: str, tmp_path: Path) -> None:
    custom = "" if "custom" not in toml else "[cerebrium.runtime.custom]\n"
    assert build_id(app(tmp_path, toml), ()) == build_id(app(tmp_path, custom), ())


def test_the_build_changes_with_the_content(tmp_path: Path) -> None:
    assert build_id(app(tmp_path), [b"a", b"b"]) != build_id(app(tmp_path), [b"ab"])
