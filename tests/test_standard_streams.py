"""Streams that were closed before the start."""

from __future__ import annotations

import os
import sys

import pytest

from proxy.standard_streams import fill


def test_what_was_closed_is_the_null_device_and_nothing_else_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    free, inherited, closed = [1, 2, 7], list[int](), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", lambda *_: free.pop(0))
        patched.setattr(os, "set_inheritable", lambda descriptor, _: inherited.append(descriptor))
        patched.setattr(os, "close", closed.append)
        fill()
    assert (free, inherited, closed) == ([], [1, 2], [7])


def test_python_has_streams_where_there_were_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    fill()
    assert (sys.stdout.fileno(), sys.stderr.fileno()) == (1, 2)
