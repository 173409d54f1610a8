"""Lines of replicas, for a person and for programs."""

from __future__ import annotations

import click

from proxy.cli.logs import line_for_programs, line_for_terminal

LINE = {"at": "2026-01-02T03:04:05.678+00:00", "replica": "chat-1", "text": "loading [model]"}


def test_a_line_for_programs_begins_with_its_whole_time() -> None:
    assert line_for_programs(LINE) == "2026-01-02T03:04:05.678+00:00 chat-1 loading [model]"


def test_a_line_for_a_person_has_the_time_of_day() -> None:
    clock, replica, text = click.unstyle(line_for_terminal(LINE)).split(" ", 2)
    assert clock.endswith(":04:05")
    assert (replica, text) == ("chat-1", "loading [model]")
