"""cerebrium.toml as a Dockerfile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.images.recipe import Recipe, needs_python, recipe
from tests.backends.apps import app

SERVER = '[cerebrium.runtime.custom]\nentrypoint = "serve --port $PORT ${PORT} $PORTS"\nport = 9000\n'


def made(toml: str = "", user: str = "", folder: Path = Path("/app")) -> Recipe:
    return recipe(app(folder, toml), user)


def keys(made: Recipe) -> list[str]:
    return [step.key.rpartition(".")[2] for step in made.steps if step.key]


def script(made: Recipe, key: str) -> str:
    """The command line of the step of `key`, without the settings that are read first."""
    (step,) = (step for step in made.steps if step.key == key)
    command: str = json.loads(step.instruction[step.instruction.index("[") :])[2]
    return command.partition("; ")[2]


def test_steps_come_in_the_platforms_order(tmp_path: Path) -> None:
    toml = 'shell_commands = ["b"]\npre_build_commands = ["a"]\n[cerebrium.dependencies]\npip = {six = ""}\n'
    toml += 'apt = {git = ""}\nconda = {mkl = ""}\n'
    order = ["python_version", "pre_build_commands[0]", "apt", "conda", "pip", "include", "shell_commands[0]"]
    assert keys(made(toml)) == order


def test_an_app_without_dependencies_has_no_step_for_them() -> None:
    assert keys(made()) == ["python_version", "include"]


@pytest.mark.parametrize("line", ['echo "$HOME" \\\n  done', "cat <<EOF > a\nb\nEOF", "# only a comment"])
def test_a_command_reaches_the_shell_as_it_was_written(line: str) -> None:
    assert script(made(f"shell_commands = [{json.dumps(line)}]"), "deployment.shell_commands[0]") == line


def test_words_of_packages_are_quoted() -> None:
    line = script(made('[cerebrium.dependencies.apt]\n"a; rm -rf /" = "1"'), "dependencies.apt")
    assert line.endswith("apt.sh 'a; rm -rf /=1'")


def test_every_command_has_a_mark_of_its_own() -> None:
    steps = made('shell_commands = ["same", "same"]').steps
    assert len({step.mark for step in steps}) == len(steps)
    assert all(step.instruction.endswith(step.mark) for step in steps)


def test_a_function_app_starts_its_server_on_all_addresses() -> None:
    dockerfile = made().dockerfile
    assert 'ENTRYPOINT ["/opt/app/bin/python", "-P", "-m", "runtime"]' in dockerfile
    assert "PORT=8000 TIDEGATE_HOST=0.0.0.0" in dockerfile


def test_a_server_of_ones_own_is_started_with_its_port_and_without_the_runtime() -> None:
    custom = made(SERVER)
    assert custom.dockerfile.endswith('ENTRYPOINT []\nCMD ["serve", "--port", "9000", "9000", "$PORTS"]\n')
    assert "EXPOSE 9000" in custom.dockerfile
    assert "runtime.sh" not in custom.dockerfile


def test_without_an_entrypoint_the_base_images_command_stays() -> None:
    assert "CMD" not in made("[cerebrium.runtime.custom]").dockerfile


def test_the_base_images_user_runs_the_app_but_not_the_build() -> None:
    lines = made(user="app").dockerfile.splitlines()
    assert lines[1] == "USER root"
    assert lines.index("USER app") > max(index for index, line in enumerate(lines) if line.startswith("RUN"))


@pytest.mark.parametrize(
    ("toml", "needed"),
    [
        ('docker_base_image_url = "a"', True),
        (SERVER, True),
        (f'docker_base_image_url = "a"\n{SERVER}', False),
        (f'docker_base_image_url = "a"\npython_version = "3.12"\n{SERVER}', True),
        (f'docker_base_image_url = "a"\n{SERVER}[cerebrium.dependencies.pip]\nsix = ""', True),
    ],
)
def test_a_base_image_with_a_server_of_its_own_gets_python_only_if_asked(toml: str, needed: bool) -> None:
    assert needs_python(app(Path("/app"), toml)) is needed


@pytest.mark.parametrize(("toml", "version"), [("", "''"), ('python_version = "3.12"', "3.12")])
def test_only_a_version_that_is_written_is_demanded(toml: str, version: str) -> None:
    assert script(made(toml), "deployment.python_version").endswith(f"python.sh {version}")


def test_uv_installs_if_it_is_asked_to() -> None:
    toml = 'use_uv = true\n[cerebrium.dependencies.pip]\nsix = ""'
    assert script(made(toml), "dependencies.pip").endswith("pip.sh uv")
