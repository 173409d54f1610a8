from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import TraceError
from proxy.simulation.trace import Call, busiest, read_trace


def written(folder: Path, text: str) -> Path:
    file = folder / "trace"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "arrival_seconds,service_seconds\n2,0.5\n1.5,3\n",
        "service_seconds,model,arrival_seconds\n0.5,a,2\n3,b,1.5\n",
        "2,0.5\n\n1.5,3\n",
        '{"arrival_seconds": 2, "service_seconds": 0.5}\n{"arrival_seconds": "1.5", "service_seconds": 3, "id": 7}\n',
    ],
)
def test_csv_and_json_lines_are_read_in_the_order_of_arrival(tmp_path: Path, text: str) -> None:
    assert read_trace(written(tmp_path, text)) == [Call(1.5, 3.0), Call(2.0, 0.5)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no request"),
        ("a,b\n1,2\n", "line 1: the heading must name the column arrival_seconds"),
        ("1,2\n3\n", "line 2: service_seconds is missing: write seconds, 0 or more"),
        ("1,2\n3,-1\n", "line 2: service_seconds is '-1'"),
        ("1,2\nnan,1\n", "line 2: arrival_seconds is 'nan'"),
        ('{"arrival_seconds": 1}\n', "line 1: service_seconds is missing"),
        ('{"arrival_seconds": true, "service_seconds": 1}\n', "line 1: arrival_seconds is True"),
        ("{\n", "line 1: is no JSON"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(TraceError, match=sentence):
        read_trace(written(tmp_path, text))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(TraceError, match="nowhere: cannot be read: No such file or directory"):
        read_trace(Path("nowhere"))


def test_the_busiest_moment_of_the_first_seconds_is_counted_without_anybody_waiting() -> None:
    calls = [Call(1.0, 5.0), Call(2.0, 5.0), Call(6.0, 1.0), Call(70.0, 9.0), Call(71.0, 9.0), Call(72.0, 9.0)]
    assert busiest(calls, 60.0) == 2
    assert busiest(calls, 0.5) == 0
