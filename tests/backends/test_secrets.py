"""Secrets that a replica prints are not shown."""

from __future__ import annotations

import logging

import pytest

from proxy.backends.output import Output
from proxy.backends.secrets import Secrets


def test_the_value_of_a_secret_is_hidden_wherever_it_stands() -> None:
    secrets = Secrets({"OPENAI_API_KEY": "sk-12345", "hf_token": "hf_abcdef"})
    assert secrets.hide("vllm serve --api-key sk-12345: token=hf_abcdef!") == "vllm serve --api-key ***: token=***!"


def test_what_is_no_secret_by_its_name_or_is_short_stays() -> None:
    secrets = Secrets({"MODEL": "llama-70b", "TOKEN": "short"})
    assert secrets.hide("llama-70b is short") == "llama-70b is short"


def test_of_two_secrets_that_begin_alike_nothing_is_left() -> None:
    assert Secrets({"A_KEY": "secret", "B_KEY": "secret-longer"}).hide("x secret-longer") == "x ***"


def test_every_line_of_a_long_key_is_hidden() -> None:
    secrets = Secrets({"PRIVATE_KEY": "-----BEGIN\nabcdefgh\n"})
    assert [secrets.hide(line) for line in ("-----BEGIN", "abcdefgh")] == ["***", "***"]


def test_neither_the_log_nor_the_last_words_show_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    output = Output("demo", "demo-1", Secrets({"TOKEN": "open-sesame"}))
    with caplog.at_level(logging.INFO):
        output.feed(b"usage: serve --token open-sesame\n")
    assert output.last_lines() == ("usage: serve --token ***",)
    assert "open-sesame" not in caplog.text
