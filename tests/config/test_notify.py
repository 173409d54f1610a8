from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import parse
from proxy.errors import ConfigError

FILE = Path("/apps/demo/cerebrium.toml")


def text(*lines: str) -> str:
    return "\n".join(['[cerebrium.deployment]\nname = "demo"\n[tidegate.notify]', *lines])


def test_nobody_is_told_by_default() -> None:
    assert not parse(text(), FILE).notify.wanted


def test_a_webhook_or_an_address_is_enough() -> None:
    assert parse(text('webhook = "https://example.org/hook"'), FILE).notify.wanted
    assert parse(text('email_to = ["ops@example.org"]', 'email_from = "tide@example.org"'), FILE).notify.wanted


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('webhook = "example.org"', 'must be an address that begins with "http://" or "https://"'),
        ('email_to = ["ops"]', 'must be addresses like "ops@example.org"'),
        ('email_to = ["ops@example.org"]', 'tidegate.notify must have email_from, an address like "tidegate'),
        ('smtp_user = "ops"', "tidegate.notify must have smtp_user and smtp_password_env together"),
        ("smtp_port = 0", "smtp_port"),
    ],
)
def test_a_mistake_is_told_with_its_key(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text(line), FILE)
    assert "tidegate.notify" in str(caught.value)
    assert sentence in str(caught.value)


def test_a_webhook_which_is_a_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"tidegate\.notify\.webhook must be an address") as caught:
        parse(text('webhook = "hooks.example.org/services/T0/B0/s3cret"'), FILE)
    assert "s3cret" not in str(caught.value)
