from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import parse
from proxy.errors import ConfigError

NAME = '[cerebrium.deployment]\nname = "a"\n'


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('issuer = "us"', "must come with secret_env, secret_file or jwks_file"),
        ('secret_env = "A"\njwks_file = "b"', "must have one of secret_env, secret_file and jwks_file"),
        ('secret_env = "A"\nburst = 2', "must have requests_per_second where it has burst"),
        ('secret_env = "A"\nleeway_seconds = -1', "leeway_seconds is -1, but must be at least 0"),
    ],
)
def test_a_table_that_cannot_be_followed_is_one_sentence(table: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"tidegate.auth.jwt.*{sentence}"):
        parse(f"{NAME}[tidegate.auth.jwt]\n{table}", Path("cerebrium.toml"))


def test_without_the_table_no_tokens_are_taken() -> None:
    assert not parse(NAME, Path("cerebrium.toml")).auth.jwt.wanted
