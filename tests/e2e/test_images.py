"""Images from cerebrium.toml, by `tidegate build` and a real engine."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.docker_engine import BASE_IMAGE, docker, needs_engine
from tests.e2e.killed_runs import OF_THIS_RUN
from tests.e2e.running import TIDEGATE

pytestmark = needs_engine

FUNCTIONS = "import six\n\n\ndef version() -> str:\n    return six.__version__\n"
PIP = '[cerebrium.dependencies.pip]\nsix = "1.17.0"\n'
# Its base image has what it needs: nothing is installed, and the build is quick.
SERVER = '[cerebrium.runtime.custom]\nentrypoint = "python3 -m http.server 8000"\n'
NEW = secrets.token_hex(4)  # what the engine cannot have in its cache
DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class Built:
    """How one `tidegate build` ended."""

    code: int
    tag: str
    said: str


Build = Callable[..., Built]


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    made = docker("image", "ls", "--quiet", "--filter", "label=tidegate.image.app=e2e-images").split()
    if made:
        docker("image", "rm", "--force", *set(made))


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds the app of `tmp_path`, which is written first: [cerebrium.deployment] goes on with `toml`."""

    def run(toml: str = "", *words: str, base: str = BASE_IMAGE, main: str = FUNCTIONS) -> Built:
        (tmp_path / "main.py").write_text(main)
        (tmp_path / "cerebrium.toml").write_text(
            f'[cerebrium.deployment]\nname = "e2e-images"\ndocker_base_image_url = "{base}"\n{toml}\n'
        )
        ended = subprocess.run([TIDEGATE, "build", *words, str(tmp_path)], capture_output=True, text=True, check=False)
        return Built(ended.returncode, ended.stdout.strip(), ended.stderr)

    return run


@pytest.fixture
def base_with(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A base image with more in it: the name of what `instructions` make of the tests' own."""
    tags: list[str] = []

    def make(instructions: str) -> str:
        tags.append(f"tidegate-test-{tmp_path.name.lower().replace('_', '-')}")
        folder = tmp_path / "base"
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\n{instructions}\n")
        docker("build", "--quiet", "--tag", tags[-1], str(folder))
        return tags[-1]

    yield make
    for tag in tags:
        docker("image", "rm", "--force", tag)


def inside(tag: str, line: str) -> str:
    """What a shell prints in a container of the image."""
    return docker("run", "--rm", *OF_THIS_RUN, "--entrypoint", "/bin/sh", tag, "-c", line)


def answer(tag: str, path: str) -> object:
    """The JSON that a container of the image answers to a POST."""
    container = docker("run", "--detach", *OF_THIS_RUN, "--publish", "127.0.0.1::8000", tag)
    try:
        url = f"http://{docker('port', container, '8000').splitlines()[0]}{path}"
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=DEADLINE_SECONDS) as response:
                    return json.load(response)
            except OSError:  # not ready yet
                assert time.monotonic() < deadline, docker("logs", container)
                time.sleep(0.05)
    finally:
        docker("rm", "--force", container)


def test_a_function_app_answers_from_its_image(build: Build) -> None:
    built = build(PIP)
    assert built.code == 0, built.said
    assert built.tag.startswith("tidegate/e2e-images:")
    found = answer(built.tag, "/version")
    assert isinstance(found, dict)
    assert found["result"] == "1.17.0"


def test_an_unchanged_app_builds_nothing_and_a_changed_one_only_what_changed(build: Build) -> None:
    first, again, changed = build(PIP), build(PIP), build(PIP, main=f"{FUNCTIONS}# {NEW}\n")
    assert again.tag == first.tag != changed.tag
    assert again.said == f"e2e-images: {first.tag} is there already: nothing has changed\n"
    assert "pip: six (cached)" in changed.said
    assert "the app's files (cached)" not in changed.said


def test_what_reaches_the_package_index_is_in_no_layer_and_no_history(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple/")
    built = build(f"shell_commands = ['echo {NEW} $PIP_INDEX_URL']\n{SERVER}")
    assert f"{NEW} http://me:secret@127.0.0.1:9/simple/" in built.said
    assert "secret" not in docker("history", "--no-trunc", built.tag) + docker("inspect", built.tag)
    assert inside(built.tag, "grep -rl me:secret /run /etc /cortex /tmp /root || ls -A /run/tidegate/settings") == ""


def test_commands_and_packages_come_in_the_platforms_order(build: Build) -> None:
    built = build(
        'pre_build_commands = ["ls /cortex || ! command -v hello && echo first >/order"]\n'
        'shell_commands = ["hello >>/order", "cat <<EOF >>/order\\n$(ls)\\nEOF"]\n'
        'exclude = [".*", "*.toml"]\n[cerebrium.dependencies.apt]\nhello = "latest"'
    )
    assert built.code == 0, built.said
    assert inside(built.tag, "cat /order") == "first\nHello, world!\nmain.py"


@pytest.mark.parametrize(
    ("toml", "sentences"),
    [
        (
            'shell_commands = ["true", "echo it breaks; exit 7"]',
            ["shell: echo it breaks; exit 7 ended with exit code 7; correct cerebrium.deployment.shell_commands[1]"],
        ),
        (
            '[cerebrium.dependencies.pip]\nno-such-package-for-tidegate = "1"',
            [
                "correct cerebrium.dependencies.pip",
                "No matching distribution found for no-such-package-for-tidegate==1",
            ],
        ),
        (
            '[cerebrium.dependencies.apt]\nno-such-package-for-tidegate = ""',
            ["correct cerebrium.dependencies.apt", "Unable to locate package no-such-package-for-tidegate"],
        ),
        (
            '[cerebrium.dependencies.conda]\nmkl = "1"',
            ["This image has no conda: set cerebrium.deployment.docker_base_"],
        ),
        ('pre_build_commands = ["cat /dev/zero >/dev/shm/full"]', ["is full: free some with `docker system prune`"]),
        (f'include = ["*.md"]\n{SERVER}', ["leave no file"]),
        ('include = ["*.txt"]', ["main.py is not among the files"]),
    ],
)
def test_a_build_that_fails_says_which_step_and_what_it_said_last(
    toml: str, sentences: list[str], build: Build, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    built = build(toml)
    assert (built.code, built.tag) == (2, "")
    last = built.said[built.said.index("tidegate: ") :]
    assert last.startswith(f"tidegate: {tmp_path}/cerebrium.toml: ")
    assert [sentence for sentence in sentences if sentence not in last] == []
    assert "Traceback" not in built.said


def test_a_base_image_that_nobody_has_is_one_sentence(build: Build) -> None:
    built = build(base="tidegate-test-nobody-has-this:1")
    assert built.code == 2
    last = built.said[built.said.index("tidegate: ") :]
    assert "docker_base_image_url names tidegate-test-nobody-has-this:1, which is not on this machine, and" in last
    assert last.count("\n") == 1


def test_uv_installs_what_pip_would(build: Build) -> None:
    built = build("use_uv = true\n" + PIP)
    assert built.code == 0, built.said
    assert inside(built.tag, "python -c 'import six; print(six.__version__)'; command -v uv || true") == "1.17.0"


def test_conda_packages_go_to_the_conda_of_the_base_image(build: Build, base_with: Callable[[str], str]) -> None:
    base = base_with("RUN printf '#!/bin/sh\\necho \"$@\" >/conda' >/usr/bin/conda && chmod 755 /usr/bin/conda")
    built = build(f'{SERVER}[cerebrium.dependencies.conda]\nmkl = "2024.1"', base=base)
    assert inside(built.tag, "cat /conda") == "install --yes --name base mkl=2024.1"


def test_python_is_installed_where_the_base_image_has_none(build: Build, base_with: Callable[[str], str]) -> None:
    base = base_with("RUN apt-get purge -y --allow-remove-essential 'python3*' 'libpython3*' && ! command -v python3")
    built = build(SERVER + PIP, base=base)
    assert built.code == 0, built.said
    assert inside(built.tag, "python --version").startswith("Python 3.11")


def test_the_base_images_user_runs_the_app(build: Build, base_with: Callable[[str], str]) -> None:
    base = base_with("RUN useradd someone\nUSER someone")
    built = build(f'shell_commands = ["id -un >/builder"]\n{SERVER}', base=base)
    assert inside(built.tag, "cat /builder; id -un") == "root\nsomeone"


def test_a_dockerfile_of_the_users_is_built_with_the_apps_files_and_command(build: Build, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile.app").write_text(
        f"FROM {BASE_IMAGE}\nWORKDIR /srv\nCOPY . .\nRUN --mount=type=cache,target=/c ls -A >/ls"
    )
    (tmp_path / ".dockerignore").write_text("*.txt\n!kept.txt\n")
    for name in ("left.txt", "kept.txt"):
        (tmp_path / name).touch()
    built = build(
        '[cerebrium.runtime.custom]\ndockerfile_path = "Dockerfile.app"\nentrypoint = "python3 -m http.server $PORT"'
    )
    assert built.code == 0, built.said
    assert set(inside(built.tag, "cat /ls").split()) - {".tidegate"} == {
        "Dockerfile.app",
        "cerebrium.toml",
        "kept.txt",
        "main.py",
    }
    assert json.loads(docker("inspect", "--format", "{{json .Config.Cmd}}", built.tag))[-1] == "8000"
