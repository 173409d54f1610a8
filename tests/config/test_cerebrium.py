"""The platform's tables."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import pytest

from proxy.config import parse
from proxy.errors import ConfigError
from tests.config.example import FILE, config, inspected, line

DEFAULTS = {
    "deployment.python_version": "3.11",
    "deployment.include": ("./*", "main.py", "cerebrium.toml"),
    "deployment.exclude": (".*",),
    "deployment.shell_commands": (),
    "deployment.pre_build_commands": (),
    "deployment.docker_base_image_url": "debian:bookworm-slim",
    "deployment.use_uv": False,
    "deployment.disable_auth": True,
    "deployment.initialization_timeout_seconds": 600,
    "custom": None,
    "hardware.cpu": 2.0,
    "hardware.memory_gb": 4.0,
    "hardware.compute": "CPU",
    "hardware.gpu_count": 0,
    "hardware.provider": None,
    "hardware.region": None,
    "scaling.min_replicas": 0,
    "scaling.max_replicas": 1,
    "scaling.replica_concurrency": 100,
    "scaling.response_grace_period_seconds": 900,
    "scaling.cooldown_seconds": 10,
    "scaling.metric": "concurrency_utilization",
    "scaling.target": 100,
    "scaling.buffer": 0,
    "scaling.evaluation_interval_seconds": 30,
    "scaling.load_balancing_algorithm": "round-robin",
    "scaling.compute_tier": "interruptible",
    "scaling.roll_out_duration_seconds": 0,
    "dependencies.pip": {},
    "dependencies.apt": {},
    "dependencies.conda": {},
    "dependencies.paths": {},
}
RANGES = [
    ("cerebrium.deployment.deployment_initialization_timeout", "60", "830", "59", "831"),
    ("cerebrium.runtime.custom.port", "1", "65535", "0", "65536"),
    ("cerebrium.scaling.min_replicas", "0", "1", "-1", "2001"),
    ("cerebrium.scaling.max_replicas", "1", "2000", "0", "2001"),
    ("cerebrium.scaling.response_grace_period", "16", "43200", "15", "43201"),
    ("cerebrium.scaling.cooldown", "0", "3600", "-1", "3601"),
    ("cerebrium.scaling.scaling_target", "1", "100", "0.5", "101"),
    ("cerebrium.scaling.evaluation_interval_seconds", "6", "300", "5", "301"),
    ("cerebrium.scaling.evaluation_interval", "6", "300", "5", "301"),
    ("cerebrium.scaling.roll_out_duration_seconds", "0", "21600", "-1", "21601"),
]
LOWER_BOUNDS = [
    ("cerebrium.scaling.replica_concurrency", "1", "0", "at least 1"),
    ("cerebrium.scaling.scaling_buffer", "0", "-1", "at least 0"),
    ("cerebrium.hardware.gpu_count", "0", "-1", "at least 0"),
    ("cerebrium.hardware.cpu", "0.25", "0", "above 0"),
    ("cerebrium.hardware.memory", "0.5", "0", "above 0"),
]


@pytest.mark.parametrize(("path", "default"), DEFAULTS.items())
def test_default(path: str, default: object) -> None:
    assert attrgetter(path)(config()) == default


@pytest.mark.parametrize(("path", "low", "high", "below", "above"), RANGES)
def test_range_includes_its_edges_and_is_stated(path: str, low: str, high: str, below: str, above: str) -> None:
    config(line(path, low))
    config(line(path, high))
    for value in (below, above):
        with pytest.raises(ConfigError, match=rf"cerebrium.toml: {path} is {value}, but must be from \d+ to \d+"):
            config(line(path, value))


@pytest.mark.parametrize(("path", "fine", "wrong", "words"), LOWER_BOUNDS)
def test_lower_bound_is_stated(path: str, fine: str, wrong: str, words: str) -> None:
    config(line(path, fine))
    with pytest.raises(ConfigError, match=f"{path} is {wrong}, but must be {words}"):
        config(line(path, wrong))


def test_min_replicas_reaches_2000() -> None:
    assert config("[cerebrium.scaling]\nmin_replicas = 2000\nmax_replicas = 2000").scaling.min_replicas == 2000


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("cerebrium.scaling.max_replicas", '"many"', 'is "many", but must be a whole number, from 1 to 2000'),
        ("cerebrium.scaling.max_replicas", "2.5", "is 2.5, but must be a whole number, from 1 to 2000"),
        ("cerebrium.scaling.max_replicas", "true", "is true, but must be a number"),
        ("cerebrium.hardware.cpu", "inf", "is inf, but must be a finite number, above 0"),
        ("cerebrium.hardware.cpu", "[]", "must be a number, above 0"),
        ("cerebrium.deployment.use_uv", '"perhaps"', 'is "perhaps", but must be true or false'),
        ("cerebrium.deployment.shell_commands", '"ls"', 'is "ls", but must be a list'),
        ("cerebrium.deployment.include", "[[]]", r"include\[0\] must be a string"),
        ("cerebrium.deployment.python_version", '"snake"', 'must be a version of Python such as "3.11"'),
        ("cerebrium.runtime.custom", "3", "is 3, but must be a table"),
        ("cerebrium.runtime.custom.entrypoint", '"sh -c \'ls"', "must close every quote"),
        ("cerebrium.runtime.custom.entrypoint", "5", "is 5, but must be a string of shell words, or a list of words"),
        ("cerebrium.runtime.custom.readycheck_endpoint", '"/a b"', 'must be a path such as "/health"'),
        ("cerebrium.scaling.compute_tier", '"spot"', "must be one of interruptible, protected"),
        ("cerebrium.dependencies.pip", '["torch"]', "must be a table"),
        ("cerebrium.dependencies.paths.npm", '"package.json"', 'must hold pip, apt or conda, not "npm"'),
    ],
)
def test_wrong_kind_of_value(path: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(line(path, value))


@pytest.mark.parametrize(
    ("path", "value", "attribute", "expected"),
    [
        ("cerebrium.scaling.max_replicas", '"4"', "scaling.max_replicas", 4),
        ("cerebrium.scaling.max_replicas", "4.0", "scaling.max_replicas", 4),
        ("cerebrium.hardware.cpu", '"0.5"', "hardware.cpu", 0.5),
        ("cerebrium.runtime.custom.port", '"9000"', "custom.port", 9000),
        ("cerebrium.deployment.disable_auth", '"false"', "deployment.disable_auth", False),
        ("cerebrium.deployment.python_version", "3.11", "deployment.python_version", "3.11"),
        ("cerebrium.deployment.python_version", "3.10", "deployment.python_version", "3.10"),
        ("cerebrium.deployment.python_version", '"3.12.1"', "deployment.python_version", "3.12.1"),
        ("cerebrium.dependencies.pip.torch", "2.10", "dependencies.pip", {"torch": "2.10"}),
        ("cerebrium.deployment.include", '"[./*, main.py]"', "deployment.include", ("./*", "main.py")),
    ],
)
def test_accepted_as_the_platform_accepts_it(path: str, value: str, attribute: str, expected: object) -> None:
    assert attrgetter(attribute)(config(line(path, value))) == expected


@pytest.mark.parametrize("name", ["a", "36-chat", "My_app.v2", "a" * 63])
def test_name_is_a_part_of_a_url(name: str) -> None:
    assert parse(f'[cerebrium.deployment]\nname = "{name}"', FILE).name == name


@pytest.mark.parametrize("name", ["", "-a", ".", "a b", "a/b", "ä", "a" * 64])
def test_name_that_is_no_part_of_a_url(name: str) -> None:
    with pytest.raises(ConfigError, match=r"deployment.name .* at most 63 letters, digits"):
        parse(f'[cerebrium.deployment]\nname = "{name}"', FILE)


@pytest.mark.parametrize("text", ["[cerebrium]", "[cerebrium.deployment]", "[cerebrium.hardware]\ncpu = 1"])
def test_name_is_required(text: str) -> None:
    with pytest.raises(ConfigError, match=r"cerebrium\.toml: cerebrium\.deployment\.name is missing: add it"):
        parse(text, FILE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\"vllm serve 'a b' --port $PORT\"", ("vllm", "serve", "a b", "--port", "$PORT")),
        ('["python", "main.py", 8000]', ("python", "main.py", "8000")),
        ('""', None),
        ("[]", None),
    ],
)
def test_entrypoint_is_shell_words_or_a_list(value: str, words: tuple[str, ...] | None) -> None:
    custom = config(line("cerebrium.runtime.custom.entrypoint", value)).custom
    assert custom
    assert custom.entrypoint == words


def test_custom_runtime_has_defaults() -> None:
    custom = config("[cerebrium.runtime.custom]").custom
    assert custom
    assert (custom.port, custom.entrypoint, custom.dockerfile_path) == (8000, None, None)
    assert (custom.healthcheck_endpoint, custom.readycheck_endpoint) == ("", "")


def test_endpoint_begins_with_a_slash() -> None:
    custom = config('[cerebrium.runtime.custom]\nreadycheck_endpoint = "ready"\ndockerfile_path = ""').custom
    assert custom
    assert (custom.readycheck_endpoint, custom.dockerfile_path) == ("/ready", None)


def test_cortex_table_has_no_effect(tmp_path: Path) -> None:
    assert inspected(tmp_path, '[cerebrium.runtime.cortex]\nanything = "goes"').warnings == ()


@pytest.mark.parametrize(
    ("hardware", "gpus", "concurrency", "balancer"),
    [
        ("", 0, 100, "round-robin"),
        ('compute = ""', 0, 100, "round-robin"),
        ('compute = "cpu"', 0, 100, "round-robin"),
        ('compute = "AMPERE_A10"', 1, 1, "first-available"),
        ('compute = ["HOPPER_H100", "AMPERE_A10"]', 1, 1, "first-available"),
        ('compute = "AMPERE_A10"\ngpu_count = 4', 4, 1, "first-available"),
        ('compute = "AMPERE_A10"\ngpu_count = "0"', 0, 100, "round-robin"),
    ],
)
def test_an_accelerator_changes_defaults(hardware: str, gpus: int, concurrency: int, balancer: str) -> None:
    found = config(f"[cerebrium.hardware]\n{hardware}")
    assert found.hardware.gpu_count == gpus
    assert found.scaling.replica_concurrency == concurrency
    assert found.scaling.load_balancing_algorithm == balancer


@pytest.mark.parametrize(("concurrency", "balancer"), [(3, "first-available"), (4, "round-robin")])
def test_balancer_follows_concurrency(concurrency: int, balancer: str) -> None:
    text = f'[cerebrium.scaling]\nload_balancing_algorithm = ""\nreplica_concurrency = {concurrency}'
    assert config(text).scaling.load_balancing_algorithm == balancer


@pytest.mark.parametrize("name", ["round-robin", "first-available", "min-connections", "random-choice-2"])
def test_balancer_is_a_registered_name(name: str) -> None:
    text = line("cerebrium.scaling.load_balancing_algorithm", f'"{name}"')
    assert config(text).scaling.load_balancing_algorithm == name


def test_unknown_balancer_is_an_error_with_the_known_names() -> None:
    known = "first-available, min-connections, random-choice-2, round-robin"
    with pytest.raises(ConfigError, match=f'must be one of {known}: did you mean "round-robin"'):
        config(line("cerebrium.scaling.load_balancing_algorithm", '"round_robin"'))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("min_replicas = 3\nmax_replicas = 2", "max_replicas is 2, but must be at least min_replicas, which is 3"),
        ("min_replicas = 2", "max_replicas is 1, but must be at least min_replicas, which is 2"),
        ('scaling_metric = "cpu_utilization"', "must go with min_replicas of at least 1"),
        ('scaling_metric = "memory_utilization"', "must go with min_replicas of at least 1"),
        ('scaling_metric = "cpu_utilization"\nmin_replicas = 1\nscaling_buffer = 1', "scaling_buffer .* must be 0"),
        ('scaling_metric = "memory_utilization"\nmin_replicas = 1\nscaling_buffer = 1', "scaling_buffer .* must be 0"),
        ('scaling_metric = "cpu_utilization"\nmin_replicas = 1\nscaling_target = 101', "must be from 1 to 100 percent"),
        ('scaling_metric = "requests_per_second"\nscaling_target = 0', "must be above 0"),
        ("evaluation_interval = 9\nevaluation_interval_seconds = 9", "cerebrium.scaling must have .* not both"),
        ('scaling_metric = "cpu"', "must be one of concurrency_utilization, requests_per_second"),
    ],
)
def test_keys_that_exclude_each_other(settings: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(f"[cerebrium.scaling]\n{settings}")


@pytest.mark.parametrize(
    "settings",
    [
        "min_replicas = 2\nmax_replicas = 2",
        'scaling_metric = "cpu_utilization"\nmin_replicas = 1\nscaling_buffer = 0',
        'scaling_metric = "requests_per_second"\nscaling_target = 0.5\nscaling_buffer = 2',
        'scaling_metric = "requests_per_second"\nscaling_target = 5000',
    ],
)
def test_keys_that_go_together(settings: str, tmp_path: Path) -> None:
    assert inspected(tmp_path, f"[cerebrium.scaling]\n{settings}").errors == ()


def test_evaluation_interval_is_the_same_key() -> None:
    assert config("[cerebrium.scaling]\nevaluation_interval = 60").scaling.evaluation_interval_seconds == 60


def test_packages_may_name_their_file() -> None:
    found = config(
        '[cerebrium.dependencies.pip]\ntorch = "latest"\n_file_relative_path = "reqs.txt"\n'
        '[cerebrium.dependencies.paths]\napt = "pkglist.txt"\nconda = ""'
    ).dependencies
    assert found.pip == {"torch": "latest"}
    assert found.paths == {"pip": "reqs.txt", "apt": "pkglist.txt"}


def test_an_empty_base_image_is_the_default() -> None:
    deployment = config('docker_base_image_url = ""').deployment
    assert deployment.docker_base_image_url == "debian:bookworm-slim"
    assert "docker_base_image_url" not in deployment.model_fields_set
