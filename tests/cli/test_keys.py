from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy.cli import main
from proxy.cli.remote import Document, Nobody
from proxy.config.key_file import KeyFile
from proxy.errors import Forbidden, UserError
from proxy.net.keys import Keyring, Keys

Command = Callable[..., tuple[int, str, str]]


class FakeRemote:
    """Nobody answers, unless `answer` says otherwise."""

    answer: Document | UserError = Nobody("nobody answers")

    def __init__(self, _url: str, _key: str) -> None: ...

    def get(self, path: str) -> Document:
        assert path == "/api/keys"
        if isinstance(self.answer, UserError):
            raise self.answer
        return self.answer


@pytest.fixture(name="keys")
def keys_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs tidegate keys: exit code, stdout, stderr."""
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path))
    monkeypatch.setattr("proxy.cli.keys.Remote", FakeRemote)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", "keys", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def opens(folder: Path, key: str, app: str = "demo") -> bool:
    keyring = Keyring()
    keyring.take(KeyFile(folder / "keys.json").read())
    try:
        Keys(app, keyring).identify(f"Bearer {key}".encode(), 0.0)
    except Forbidden:
        return False
    return True


def listed(keys: Command) -> Any:  # a JSON document
    return json.loads(keys("list", "--json")[1])


def test_a_new_key_is_printed_alone_and_opens_apps_until_it_is_revoked(keys: Command, tmp_path: Path) -> None:
    code, out, err = keys("add", "ann")
    key = out.removesuffix("\n")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"tg_[0-9a-f]{10}_[\w-]{43}", key)
    assert opens(tmp_path, key)
    assert keys("revoke", "ann") == (0, f"{key.split('_')[1]} is revoked\n", "")
    assert not opens(tmp_path, key)


def test_the_secret_is_kept_nowhere_and_shown_once(keys: Command, tmp_path: Path) -> None:
    secret = keys("add", "ann")[1].strip().split("_", 2)[2]
    assert secret not in (tmp_path / "keys.json").read_text()
    assert secret not in keys("list")[1] + keys("list", "--json")[1]
    assert "sha256" not in keys("list", "--json")[1]


def test_what_a_key_may_is_kept_and_listed(keys: Command, tmp_path: Path) -> None:
    limits = ("--concurrency", "3", "--rate", "2.5", "--burst", "4", "--expires", "30d")
    words = ("ann", "--app", "demo", "--app", "other", *limits, "--json")
    made = json.loads(keys("add", *words)[1])
    assert made["key"].startswith(f"tg_{made['id']}_")
    (shown,) = listed(keys)
    assert shown == {name: value for name, value in made.items() if name != "key"} | {"use": None}
    assert (shown["apps"], shown["concurrency"]) == (["demo", "other"], 3)
    assert (shown["requests_per_second"], shown["burst"], shown["state"]) == (2.5, 4, "valid")
    days = datetime.fromisoformat(shown["expires"]) - datetime.now(UTC)
    assert timedelta(days=29) < days <= timedelta(days=30)
    assert (opens(tmp_path, made["key"], "other"), opens(tmp_path, made["key"], "third")) == (True, False)
    assert re.search(r"ann .* demo, other +3 +2.5 \(burst 4\)", keys("list")[1])


def test_no_name_is_not_the_name_of_a_key_that_has_none(keys: Command) -> None:
    keys("add")
    code, _, err = keys("revoke", "")
    assert (code, err) == (2, "tidegate: ID|NAME is empty: give one that `tidegate keys list` shows\n")
    assert [key["state"] for key in listed(keys)] == ["valid"]


def test_a_file_may_be_named(keys: Command, tmp_path: Path) -> None:
    keys("add", "--keys", str(tmp_path / "mine.json"))
    assert len(KeyFile(tmp_path / "mine.json").read()) == 1
    assert listed(keys) == []


def test_what_a_running_up_has_seen_of_a_key_is_listed(keys: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, _ = (json.loads(keys("add", name, "--json")[1])["id"] for name in ("ann", "bob", "new"))
    noon = datetime(2027, 1, 31, 12).astimezone().isoformat()
    seen = {"requests": 3, "in_flight": 1, "last_used_at": noon}
    uses = [{"id": ann, **seen}, {"id": bob, "requests": 0, "in_flight": 0, "last_used_at": None}]
    monkeypatch.setattr(FakeRemote, "answer", {"since": noon, "keys": uses})
    code, out, err = keys("list")
    assert (code, err) == (0, "")
    assert re.search(r"ann +valid +3 +2027-01-31 12:00 +never", out)
    assert re.search(r"bob +valid +0 +- +never", out)
    assert re.search(r"new +valid +- +- +never", out)
    assert out.endswith("\nRequests are counted since 2027-01-31 12:00, when `tidegate up` was started.\n")
    assert [key["use"] and key["use"]["requests"] for key in listed(keys)] == [3, 0, None]


def test_keys_are_listed_also_where_no_up_answers(keys: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("add", "ann")
    code, out, err = keys("list")
    assert (code, err) == (0, "")
    assert re.search(r"ann +valid +- +- +never", out)
    for answer, words in ((UserError("it wants a key"), ()), (Nobody("it is gone"), ("--admin", "http://else:1"))):
        monkeypatch.setattr(FakeRemote, "answer", answer)
        assert keys("list", *words) == (0, out, f"tidegate: when keys were used is not known: {answer}\n")


def test_a_revoked_name_may_be_given_again(keys: Command) -> None:
    for _ in range(2):
        keys("add", "ann")
        keys("revoke", "ann")
    assert [key["state"] for key in listed(keys)] == ["revoked", "revoked"]
    assert keys("revoke", listed(keys)[0]["id"])[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("add a\udcff", r"the name 'a\udcff' must be printable text in UTF-8"),
        ("add --app a\udcff", r"the name 'a\udcff' must be printable text in UTF-8"),
        ("add --burst 2", "--burst needs --rate"),
        ("add --rate 0", "--rate is 0, but must be above 0"),
        ("add --rate nan", "--rate is nan, but must be above 0"),
        ("add --expires soon", "--expires is soon, but must be a time such as 30d, 12h or 2027-01-31"),
        ("add --expires 2020-01-31", "--expires is 2020-01-31, which is over already"),
        ("add --expires 99999999999d", "--expires is 99999999999d, but must be a time such as"),
        ("revoke nobody", "there is no key nobody: `tidegate keys list` shows them"),
        ("revoke twin", "several keys are called twin: name one of "),
        ("list --keys /dev/null/x", "/dev/null/x: the keys cannot be read: Not a directory"),
    ],
)
def test_a_mistake_is_one_sentence(keys: Command, words: str, sentence: str) -> None:
    keys("add", "twin")
    keys("add", "twin")
    code, out, err = keys(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"tidegate: {sentence}")
    assert err.count("\n") == 1
