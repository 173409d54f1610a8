"""Reading whole files: what is found, what is said, what is refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.config import inspect, load, load_all, parse
from proxy.errors import ConfigError
from tests.config.example import FILE, config, inspected

HELLO = '[cerebrium.deployment]\nname = "hello"\n'


def app(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "cerebrium.toml").write_text(f'[cerebrium.deployment]\nname = "{name}"')
    return folder


def test_app_is_a_folder_or_its_file(tmp_path: Path) -> None:
    folder = app(tmp_path / "a", "a")
    assert load(folder) == load(folder / "cerebrium.toml")
    assert (load(folder).file, load(folder).folder) == (folder / "cerebrium.toml", folder)


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app(tmp_path / "a", "a")
    monkeypatch.chdir(tmp_path / "a")
    assert load(Path()).folder == tmp_path / "a"


def test_missing_app_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no such file or folder: give a folder with a "):
        load(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="the folder has no "):
        load(tmp_path)
    assert len(inspect(tmp_path).errors) == 1


def test_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 2"):
        load(tmp_path)


def test_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(HELLO, encoding="utf-8-sig")
    assert load(tmp_path).name == "hello"


@pytest.mark.parametrize(
    ("text", "place"),
    [("a = 1\nb = \n", "line 2, column 5"), ("a = 1\n\nb = {", "line 3, column 6"), ("a=1\na=2", "line 2, column 4")],
)
def test_invalid_toml_has_line_and_column(text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=f"^cerebrium.toml: {place}: invalid TOML: [A-Z]"):
        parse(text, FILE)


def test_a_number_without_an_end_is_an_error() -> None:
    with pytest.raises(ConfigError, match="a number in it has too many digits"):
        parse(f"a = {'9' * 5000}", FILE)


def test_endless_nesting_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse("a = " + "[" * 5000, FILE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"begin with \[cerebrium.deployment\] and a name$"),
        ("[tidegate]", "the root table cerebrium is missing"),
        ("[cerebruim.deployment]", 'did you mean "cerebrium"'),
        (HELLO.replace("cerebrium.", ""), r"write \[cerebrium.deployment\] instead of \[deployment\]"),
        ("[hardware]", r"write \[cerebrium.hardware\] instead of \[hardware\]"),
        ("cerebrium = 3", "cerebrium is 3, but must be a table"),
    ],
)
def test_root_table_is_required(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(text, FILE)


def test_all_mistakes_are_found(tmp_path: Path) -> None:
    found = inspected(
        tmp_path, 'use_uv = "x"\n[cerebrium.scaling]\nmax_replicas = 0\n[tidegate.queue]\nmax_length = -1'
    )
    assert [error.partition(" is ")[0] for error in found.errors] == [
        "cerebrium.deployment.use_uv",
        "cerebrium.scaling.max_replicas",
        "tidegate.queue.max_length",
    ]


def test_first_mistake_is_raised_with_the_number_of_others() -> None:
    with pytest.raises(
        ConfigError, match=r"response_grace_period is 1,.*\(and 1 more: run `tidegate check cerebrium.toml`\)$"
    ):
        config("[cerebrium.scaling]\ncooldown = -1\nresponse_grace_period = 1")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[cerebrium.scaling]\nmax_replica = 2", 'cerebrium.scaling.max_replica#: did you mean "max_replicas"?'),
        ("[cerebrium.custom]", 'cerebrium.custom#: did you mean "cerebrium.runtime.custom"?'),
        ("min_replicas = 1", 'cerebrium.deployment.min_replicas#: did you mean "cerebrium.scaling.min_replicas"?'),
        ("[cerebrium.runtime.costum]", 'cerebrium.runtime.costum#: did you mean "custom"?'),
        ("[cerebrium.scaling]\npolicy = 1", 'cerebrium.scaling.policy#: did you mean "tidegate.scaling.policy"?'),
        ("[tidegate.queu]", 'tidegate.queu#: did you mean "queue"?'),
        ("[tidegate.queue]\nzzz = 1", "tidegate.queue.zzz#"),
        (
            "[[tidegate.scaling.schedule]]\nmin_replicas = 0\ntime_zone = 1",
            'tidegate.scaling.schedule[0].time_zone#: did you mean "timezone"?',
        ),
        ("[tidegat.queue]", 'the table tidegat#: did you mean "tidegate"?'),
    ],
)
def test_unknown_key_is_a_warning_with_the_nearest_known_key(text: str, warning: str, tmp_path: Path) -> None:
    found = inspected(tmp_path, text)
    assert found.errors == ()
    assert found.warnings == (warning.replace("#", " is not known and has no effect"),)


def test_warnings_come_with_the_settings() -> None:
    assert config("[tidegate.queu]").warnings == (
        'cerebrium.toml: tidegate.queu is not known and has no effect: did you mean "queue"?',
    )


def test_tables_of_other_tools_are_left_alone(tmp_path: Path) -> None:
    assert inspected(tmp_path, "[tool.ruff]\nx = 1\n[project]\ny = 2").warnings == ()


def test_apps_have_different_names(tmp_path: Path) -> None:
    one, two, three = app(tmp_path / "1", "a"), app(tmp_path / "2", "b"), app(tmp_path / "3", "a")
    assert [found.name for found in load_all([one, two])] == ["a", "b"]
    message = r'3/cerebrium.toml: cerebrium.deployment.name has "a", but .*1/cerebrium.toml has that too: change one'
    with pytest.raises(ConfigError, match=message):
        load_all([one, two, three])


@pytest.mark.parametrize(
    "routing", ['hosts = ["a.example", "x"]', 'prefix = "/x/"', 'models = ["y", "x"]', 'prefix = "/"']
)
def test_no_request_is_for_either_of_two_apps(routing: str, tmp_path: Path) -> None:
    apps = [app(tmp_path / name, name) for name in "ab"]
    for folder in apps:
        with (folder / "cerebrium.toml").open("a") as file:
            file.write(f"\n[tidegate.routing]\n{routing}")
    with pytest.raises(
        ConfigError, match=rf"b/cerebrium.toml: tidegate.routing.{routing.split(maxsplit=1)[0]} has .*/a/cere"
    ):
        load_all(apps)


def test_settings_are_frozen() -> None:
    found = config()
    with pytest.raises(FrozenInstanceError):
        found.backend = "docker"  # type: ignore[misc]  # what is tested
    with pytest.raises(ValidationError):
        found.scaling.max_replicas = 2
