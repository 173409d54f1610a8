"""What a reload says has changed."""

from __future__ import annotations

from pathlib import Path

from proxy.config import parse
from proxy.config.difference import difference

NAME = '[cerebrium.deployment]\nname = "demo"\n'


def changed(before: str, after: str) -> tuple[str, ...]:
    return difference(parse(NAME + before, Path("a.toml")), parse(NAME + after, Path("a.toml")))


def test_keys_are_named_as_in_the_file() -> None:
    after = "[cerebrium.scaling]\ncooldown = 3\nscaling_target = 50\n[tidegate.scaling]\npredictive = true"
    assert changed("", after) == ("scaling.cooldown", "scaling.predictive", "scaling.scaling_target")
    assert changed("", "[cerebrium.runtime.custom]\nentrypoint = 'x'") == ("runtime.custom",)


def test_a_variable_is_named_and_its_value_never_said() -> None:
    assert changed("[tidegate.env]\nKEY = 'a'\nGONE = 'b'", "[tidegate.env]\nKEY = 'c'") == ("env.GONE", "env.KEY")


def test_a_setting_that_follows_another_changes_with_it() -> None:
    assert "queue.timeout_seconds" in changed("", "[cerebrium.scaling]\nresponse_grace_period = 60")


def test_the_same_file_has_no_difference() -> None:
    assert changed("[tidegate.env]\nKEY = 'a'", "[tidegate.env]\nKEY = 'a'") == ()
