from __future__ import annotations

import pytest

from proxy.backends import ports
from proxy.errors import StartError


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the kernel offers: its choice cannot be forced, so it is the one thing replaced."""
    offers: list[int] = []
    monkeypatch.setattr(ports, "_free_port", lambda: offers.pop(0) if len(offers) > 1 else offers[0])
    return offers


def test_a_port_that_is_given_out_is_not_given_twice(offered: list[int]) -> None:
    offered += [5001, 5001, 5002]
    taken = ports.Ports()
    assert [taken.take(), taken.take()] == [5001, 5002]


def test_a_released_port_may_be_given_again(offered: list[int]) -> None:
    offered += [5001]
    taken = ports.Ports()
    taken.release(taken.take())
    assert taken.take() == 5001


def test_no_free_port_is_a_reason_not_a_hang(offered: list[int]) -> None:
    offered += [5001]
    taken = ports.Ports()
    taken.take()
    with pytest.raises(StartError, match="no free TCP port"):
        taken.take()


def test_the_kernel_offers_a_free_port() -> None:
    assert 1024 <= ports.Ports().take() <= 65535
