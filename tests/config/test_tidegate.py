"""Tidegate's own tables."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import pytest

from proxy.config import Scaling
from proxy.errors import ConfigError
from tests.config.example import config, inspected, line

DEFAULTS = {
    "routing.hosts": (),
    "routing.prefix": "",
    "routing.models": (),
    "queue.max_length": 1000,
    "queue.timeout_seconds": 900,
    "timeouts.connect_seconds": 5,
    "timeouts.first_byte_seconds": 900,
    "timeouts.idle_seconds": 900,
    "limits.max_header_bytes": 65536,
    "limits.max_body_bytes": 0,
    "probes.interval_seconds": 5,
    "probes.timeout_seconds": 2,
    "probes.failures": 3,
    "drain.sigterm": "immediately",
    "scaling.policy": "target",
    "scaling.wait_seconds": 5,
    "scaling.wait_share": 0.01,
    "scaling.wait_price": None,
    "scaling.scale_up_queue_length": 0,
    "scaling.scale_up_queue_wait_seconds": 0,
    "scaling.scale_up_threshold": 0.75,
    "scaling.scale_down_threshold": 0.75,
    "scaling.scale_up_delay_seconds": 60,
    "scaling.scale_down_delay_seconds": 1800,
    "scaling.predictive": False,
    "scaling.schedule": (),
    "process.install": False,
    "docker.image": None,
    "docker.network": None,
    "docker.volumes": (),
    "docker.gpus": None,
    "docker.run_options": {},
    "static.replicas": (),
    "backend": None,
    "env": {},
}
LOWER_BOUNDS = [
    ("tidegate.queue.max_length", "0", "-1", "at least 0"),
    ("tidegate.queue.timeout_seconds", "0.1", "0", "above 0"),
    ("tidegate.timeouts.connect_seconds", "0.1", "0", "above 0"),
    ("tidegate.timeouts.first_byte_seconds", "0.1", "0", "above 0"),
    ("tidegate.timeouts.idle_seconds", "0.1", "0", "above 0"),
    ("tidegate.limits.max_header_bytes", "1", "0", "at least 1"),
    ("tidegate.limits.max_body_bytes", "0", "-1", "at least 0"),
    ("tidegate.probes.interval_seconds", "0.1", "0", "above 0"),
    ("tidegate.probes.timeout_seconds", "0.1", "0", "above 0"),
    ("tidegate.probes.failures", "1", "0", "at least 1"),
    ("tidegate.scaling.wait_seconds", "0", "-1", "at least 0"),
    ("tidegate.scaling.wait_price", "0.1", "0", "above 0"),
    ("tidegate.scaling.scale_up_queue_length", "0", "-1", "at least 0"),
    ("tidegate.scaling.scale_up_queue_wait_seconds", "0", "-1", "at least 0"),
    ("tidegate.scaling.scale_up_delay_seconds", "0", "-1", "at least 0"),
]
SHARES = ["wait_share", "scale_up_threshold", "scale_down_threshold"]


@pytest.mark.parametrize(("path", "default"), DEFAULTS.items())
def test_default(path: str, default: object) -> None:
    assert attrgetter(path)(config()) == default


@pytest.mark.parametrize(("path", "fine", "wrong", "words"), LOWER_BOUNDS)
def test_lower_bound_is_stated(path: str, fine: str, wrong: str, words: str) -> None:
    config(line(path, fine))
    with pytest.raises(ConfigError, match=f"{path} is {wrong}, but must be {words}"):
        config(line(path, wrong))


@pytest.mark.parametrize("key", SHARES)
@pytest.mark.parametrize("value", ["-0.1", "1.1"])
def test_share_is_between_0_and_1(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"tidegate.scaling.{key} is {value}, but must be from 0 to 1"):
        config(line(f"tidegate.scaling.{key}", value))


@pytest.mark.parametrize("key", SHARES)
def test_share_may_be_0_or_1(key: str) -> None:
    other = "" if key == "wait_share" else "\nscale_down_threshold = 0" * (key == "scale_up_threshold")
    config(f"[tidegate.scaling]\n{key} = 0{other}")
    other = "\nscale_up_threshold = 1" * (key == "scale_down_threshold")
    config(f"[tidegate.scaling]\n{key} = 1{other}")


def test_waiting_defaults_to_the_grace_period() -> None:
    found = config("[cerebrium.scaling]\nresponse_grace_period = 60\n[tidegate.timeouts]\nidle_seconds = 5")
    assert found.queue.timeout_seconds == 60
    assert (found.timeouts.first_byte_seconds, found.timeouts.idle_seconds) == (60, 5)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tidegate.drain.sigterm", '"when_idle"', 'must be one of immediately, when-idle: did you mean "when-idle"'),
        ("tidegate.scaling.policy", '"knative"', "must be one of target, load-thresholds, objective"),
        ("tidegate.backend", '"dokcer"', 'one of process, docker, static: did you mean "docker"'),
        ("tidegate.backend", '"swarm"', 'is "swarm", but must be one of process, docker, static'),
        ("tidegate.backend", '"static"', "must come with tidegate.static.replicas"),
        ("tidegate.scaling.scale_up_threshold", "0.5", "scale_down_threshold is 0.75, but must be at most"),
        ("tidegate.scaling.scale_down_delay_seconds", "59", "must be at least scale_up_delay_seconds, which is 60"),
        ("tidegate.routing.prefix", '"chat"', 'must be a path that begins with "/"'),
        ("tidegate.routing.prefix", '"/a b"', 'must be a path that begins with "/"'),
        ("tidegate.routing.hosts", '["http://a.example"]', "must be host names without scheme"),
        ("tidegate.routing.hosts", '"a.example"', "must be a list"),
        ("tidegate.docker.volumes", '["/data"]', 'must be "source:/path/in/container"'),
        ("tidegate.static.replicas", '["http://a:1"]', 'replicas.0. is "http://a:1", but must be "host:port"'),
        ("tidegate.static.replicas", '["a"]', 'must be "host:port"'),
        ("tidegate.static.replicas", '[":80"]', 'must be "host:port"'),
        ("tidegate.static.replicas", '["a:0"]', "must have a port from 1 to 65535"),
        ("tidegate.static.replicas", '["a:65536"]', "must have a port from 1 to 65535"),
        ("tidegate.static.replicas", '["a:1", "a:1"]', 'must name each replica once, but "a:1" comes twice'),
        (
            "tidegate.docker.run_options",
            "{ A = 2026-01-01 }",
            "run_options.A must be something that JSON can say, which",
        ),
        ("tidegate.env.A", "[1]", "tidegate.env.A must be a string"),
        ("tidegate.env", '{ "a=b" = "c" }', 'must hold names without "="'),
        ("tidegate.env", '{ a = "\\u0000" }', "values without NUL"),
    ],
)
def test_wrong_value(path: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(line(path, value))


@pytest.mark.parametrize(
    ("path", "value", "attribute", "expected"),
    [
        ("tidegate.queue.max_length", '"20"', "queue.max_length", 20),
        ("tidegate.routing.hosts", '["A.Example"]', "routing.hosts", ("a.example",)),
        ("tidegate.routing.prefix", '"/chat/"', "routing.prefix", "/chat"),
        ("tidegate.routing.prefix", '"/"', "routing.prefix", "/"),
        ("tidegate.docker.volumes", '["./a:/b:ro", "c:/d"]', "docker.volumes", ("./a:/b:ro", "c:/d")),
        ("tidegate.docker.gpus", '"all"', "docker.gpus", ("all",)),
        ("tidegate.docker.gpus", '[0, "GPU-1"]', "docker.gpus", ("0", "GPU-1")),
        ("tidegate.docker.run_options", "{ ShmSize = 8 }", "docker.run_options", {"ShmSize": 8}),
        ("tidegate.static.replicas", '["a.b:1", "[::1]:2"]', "static.replicas", (("a.b", 1), ("::1", 2))),
    ],
)
def test_value_in_its_final_form(path: str, value: str, attribute: str, expected: object) -> None:
    assert attrgetter(attribute)(config(line(path, value))) == expected


def test_static_backend_with_replicas() -> None:
    assert config('[tidegate]\nbackend = "static"\nstatic.replicas = ["a:1"]').backend == "static"


def test_environment_is_text() -> None:
    found = config('[tidegate.env]\nA = "a"\nB = 1\nC = 1.10\nD = true')
    assert found.env == {"A": "a", "B": "1", "C": "1.10", "D": "true"}


def test_environment_wins_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "more.env").write_text("A=file\nB=file\n")
    text = f'[tidegate]\nenv_file = "{tmp_path}/more.env"\nenv.A = "table"'
    assert config(text).env == {"A": "table", "B": "file"}


def test_environment_file_is_relative_to_the_app(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    assert inspected(tmp_path, '[tidegate]\nenv_file = ".env"').errors == ()


def test_missing_environment_file_is_an_error(tmp_path: Path) -> None:
    (error,) = inspected(tmp_path, '[tidegate]\nenv_file = ".env"').errors
    assert error.startswith('tidegate.env_file is ".env", but must name a file that can be read')


def test_scaling_can_be_built_in_code() -> None:
    assert Scaling(replica_concurrency=2, metric="requests_per_second", target=500).target == 500
