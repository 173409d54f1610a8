"""tidegate check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.cli.check import check


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(folder: str, text: str = "", name: str = "hello") -> None:
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "main.py").touch()
    Path(folder, "cerebrium.toml").write_text(f'[cerebrium.deployment]\nname = "{name}"\n{text}')


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(check)
    return CliRunner().invoke(app, arguments)


def test_clean_file_is_ok() -> None:
    write(".")
    result = run()
    assert (result.exit_code, result.stdout) == (0, "cerebrium.toml: ok\n")


def test_every_error_has_a_line_and_the_exit_code_is_1() -> None:
    write("a", "[cerebrium.scaling]\nmax_replicas = 0\ncooldown = -1")
    result = run("a")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "error: a/cerebrium.toml: cerebrium.scaling.max_replicas is 0, but must be from 1 to 2000",
        "error: a/cerebrium.toml: cerebrium.scaling.cooldown is -1, but must be from 0 to 3600",
    ]


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 1)])
def test_warning_is_an_error_only_if_strict(options: tuple[str, ...], code: int) -> None:
    write("a", "[tidegate.queu]")
    result = run("a", *options)
    assert result.exit_code == code
    assert result.stdout.startswith("warning: a/cerebrium.toml: tidegate.queu is not known")
    assert "ok" not in result.stdout


def test_every_app_is_checked() -> None:
    write("a", "[cerebrium.scaling]\nmax_replicas = 0")
    write("b")
    result = run("a", "b", "nowhere")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["error", "b/cerebrium.toml", "error"]


def test_two_apps_of_one_name_are_an_error_with_both_files() -> None:
    write("a")
    write("b")
    result = run("a", "b")
    assert result.exit_code == 1
    last = result.stdout.splitlines()[-1]
    assert last.startswith("error: ")
    assert "a/cerebrium.toml" in last
    assert "b/cerebrium.toml" in last


def test_findings_are_told_to_programs_app_by_app() -> None:
    write("a", "[tidegate.queue]\nmax_lenth = 1\n")
    write("b", "[cerebrium.scaling]\nmax_replicas = 0\n", name="other")
    result = run("a", "b", "--json")
    one, other = json.loads(result.stdout)
    assert (one["app"], one["errors"], len(one["warnings"])) == ("a", [], 1)
    assert (other["app"], len(other["errors"])) == ("b", 1)
    assert result.exit_code == 1


def test_what_has_nothing_to_serve_is_refused_as_by_up() -> None:
    write("a")
    Path("a", "main.py").unlink()
    result = run("a")
    said = "does not exist: add it, or set runtime.custom.entrypoint in cerebrium.toml"
    assert (result.exit_code, result.stdout) == (1, f"error: {Path('a', 'main.py').resolve()} {said}\n")


@pytest.mark.parametrize(
    "toml",
    [
        "[cerebrium.runtime.custom]\nentrypoint = 'serve'",
        "[tidegate.docker]\nimage = 'model:1'",
        "[tidegate.static]\nreplicas = ['127.0.0.1:1']",
    ],
)
def test_what_is_served_by_something_else_needs_no_functions(toml: str) -> None:
    write(".", toml)
    Path("main.py").unlink()
    assert run().exit_code == 0


def test_processes_need_functions_whatever_image_there_is() -> None:
    write(".", "[tidegate]\nbackend = 'process'\n[tidegate.docker]\nimage = 'model:1'")
    Path("main.py").unlink()
    assert run().exit_code == 1
