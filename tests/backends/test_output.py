from __future__ import annotations

import logging

import pytest

from proxy.backends.output import Output


@pytest.fixture
def output() -> Output:
    return Output("demo", "demo-1")


def test_a_line_may_come_in_pieces(output: Output) -> None:
    for byte in b"one\ntwo\n":
        output.feed(bytes([byte]))
    assert output.last_lines() == ("one", "two")


def test_only_the_last_200_lines_are_kept(output: Output) -> None:
    output.feed(b"".join(b"%d\n" % number for number in range(1000)))
    assert output.last_lines() == tuple(str(number) for number in range(800, 1000))


def test_a_line_without_end_takes_bounded_memory(output: Output) -> None:
    for _ in range(100):
        output.feed(b"x" * 65536)
    output.feed(b"\nnext\n")
    assert output.last_lines() == ("x" * 8192, "next")


def test_bytes_that_are_no_text_are_replaced(output: Output) -> None:
    output.feed(b"caf\xe9\n")
    assert output.last_lines() == ("caf\ufffd",)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_progress_bar_is_its_last_state(output: Output, size: int) -> None:
    data = b"\r10%\r20%\r30%\nwindows\r\n10%\r20%\r\n"
    for start in range(0, len(data), size):
        output.feed(data[start : start + size])
    assert output.last_lines() == ("30%", "windows", "20%")


def test_each_line_is_logged_with_its_app_and_replica(output: Output, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate.replica")
    output.feed(b"100% ready\n")
    (record,) = caplog.records
    assert record.getMessage() == "100% ready"
    assert (vars(record)["app"], vars(record)["replica"]) == ("demo", "demo-1")
