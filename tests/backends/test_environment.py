from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.environment import build_id, inherited, variables
from tests.backends.apps import app


def test_a_replica_is_told_what_the_contract_promises(tmp_path: Path) -> None:
    config = app(tmp_path, "[cerebrium.scaling]\nreplica_concurrency = 4")
    assert variables(config, "demo-1", 41000) == {
        "PORT": "41000",
        "MAX_CONCURRENT_TASKS": "4",
        "APP_NAME": "demo",
        "PROJECT_ID": "local",
        "BUILD_ID": build_id(tmp_path),
        "REPLICA_ID": "demo-1",
        "PYTHONUNBUFFERED": "1",
    }


def test_the_users_variables_are_given_but_cannot_move_the_port(tmp_path: Path) -> None:
    given = variables(app(tmp_path, '[tidegate.env]\nMODEL = "tiny"\nPORT = "1"'), "demo-1", 41000)
    assert (given["MODEL"], given["PORT"]) == ("tiny", "41000")


def test_a_process_inherits_all_but_what_lets_it_act_in_the_proxys_stead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TIDEGATE_ADMIN_KEY", "TOKENS", "MAIL", "OTHER"):
        monkeypatch.setenv(name, "x")
    notify = '[tidegate.notify]\nsmtp_user = "us"\nsmtp_password_env = "MAIL"'
    given = inherited(app(tmp_path, f'[tidegate.auth.jwt]\nsecret_env = "TOKENS"\n{notify}'))
    assert {"TIDEGATE_ADMIN_KEY", "TOKENS", "MAIL", "OTHER"} & given.keys() == {"OTHER"}


def test_the_build_changes_with_the_code_and_not_with_the_data(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("a = 1")
    first = build_id(tmp_path)
    (tmp_path / "weights.bin").write_text("12")
    assert build_id(tmp_path) == first
    (tmp_path / "main.py").write_text("a = 2")
    assert build_id(tmp_path) != first
