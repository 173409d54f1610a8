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
        ('email_to = ["ops@example.org"]', "email_to needs email_from"),
        ('smtp_user = "ops"', "smtp_user and smtp_password_env are needed together"),
        ("smtp_port = 0", "smtp_port"),
    ],
)
def test_a_mistake_is_told_with_its_key(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text(line), FILE)
    assert "tidegate.notify" in str(caught.value)
    assert sentence in str(caught.value)
