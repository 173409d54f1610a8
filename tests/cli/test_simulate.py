from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from proxy.cli.application import application
from proxy.errors import UserError

APP = '[cerebrium.deployment]\nname = "chat"\n[cerebrium.scaling]\nmax_replicas = 9\nreplica_concurrency = 1\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cerebrium.toml").write_text(APP)
    (tmp_path / "other.toml").write_text(APP + '[tidegate.scaling]\npolicy = "load-thresholds"\n')
    rows = "\n".join(f"{second},2.5" for second in range(1, 100))
    (tmp_path / "trace.csv").write_text(f"arrival_seconds,service_seconds\n{rows}\n")
    return tmp_path


def simulate(folder: Path, *words: str) -> Result:
    arguments = ["simulate", *words, "--trace", str(folder / "trace.csv")]
    return CliRunner().invoke(application, arguments, catch_exceptions=True)


def test_json_is_one_object_for_each_setting(folder: Path) -> None:
    files = (str(folder), str(folder / "other.toml"))
    result = simulate(folder, "--compare", *files, "--baseline", "knative", "--json", "--cold-start", "3")
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["policy"] for each in objects] == ["target", "load-thresholds", "knative"]
    assert all(each["requests"] == 99 for each in objects)


def test_the_table_names_each_setting_and_shows_its_replicas_over_time(folder: Path) -> None:
    lines = simulate(folder, str(folder), "--baseline", "hpa", "--baseline", "ray").stdout.splitlines()
    assert lines[0].split()[:3] == ["replica-seconds", "×", "oracle"]
    assert [line.split()[0] for line in lines if line] == ["replica-seconds", *("target", "hpa", "ray") * 2]
    assert "| replicas over time, at most" in lines[-1]


def test_the_picture_is_an_svg_of_every_setting(folder: Path) -> None:
    picture = folder / "picture.svg"
    simulate(folder, str(folder), "--baseline", "knative", "--picture", str(picture))
    drawn = picture.read_text()
    assert drawn.startswith("<svg ")
    assert drawn.count("<polyline") == 6
    assert ">knative</text>" in drawn


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("{0}", "{0}/other.toml"), "2 apps were given: add --compare"),
        (("{0}", "--warm-up", "99"), "ends after 99 s: give a shorter --warm-up than 99 s"),
        (("{0}", "--picture", "{0}/no/where.svg"), "the picture cannot be written: No such file or directory"),
    ],
)
def test_a_mistake_is_one_sentence(folder: Path, words: tuple[str, ...], sentence: str) -> None:
    error = simulate(folder, *(word.format(folder) for word in words)).exception
    assert isinstance(error, UserError)
    assert sentence in str(error)


def test_times_of_the_calendar_are_refused_rather_than_waited_for(folder: Path) -> None:
    (folder / "trace.csv").write_text("1767225600.5,1\n1767225601,1\n")
    error = simulate(folder, str(folder)).exception
    assert isinstance(error, UserError)
    assert "begins after 1767225600 s: count arrival_seconds from the beginning of the trace" in str(error)


def test_a_metric_that_no_trace_tells_is_refused(folder: Path) -> None:
    (folder / "cerebrium.toml").write_text(APP + 'min_replicas = 1\nscaling_metric = "cpu_utilization"\n')
    error = simulate(folder, str(folder)).exception
    assert isinstance(error, UserError)
    assert "scaling_metric is cpu_utilization, which no trace of requests tells" in str(error)


def test_who_is_refused_is_told_beside_the_figures(folder: Path) -> None:
    (folder / "cerebrium.toml").write_text(APP + "[tidegate.queue]\nmax_length = 0\n")
    assert (
        "requests were refused by tidegate.queue.max_length or timeout_seconds" in simulate(folder, str(folder)).stderr
    )
