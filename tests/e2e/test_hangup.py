from __future__ import annotations

import asyncio
import select
import socket

import pytest

from proxy.net.hangup import HangupWatch

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")


async def calls_after(leave: bool) -> list[str]:
    watch, calls = HangupWatch(asyncio.get_running_loop()), []
    ours, theirs = socket.socketpair()
    transport = asyncio.Transport({"socket": ours})
    with ours, theirs:
        watch.watch(transport, lambda: calls.append("left"))
        theirs.send(b"unread")
        await asyncio.sleep(0.01)
        assert calls == []
        if leave:
            theirs.shutdown(socket.SHUT_WR)
        else:
            watch.forget(transport)
            theirs.close()
        await asyncio.sleep(0.01)
        watch.forget(transport)
    watch.close()
    return calls


def test_a_peer_that_leaves_is_noticed_once_behind_what_is_not_read() -> None:
    assert asyncio.run(calls_after(leave=True)) == ["left"]


def test_a_forgotten_peer_is_not() -> None:
    assert asyncio.run(calls_after(leave=False)) == []


async def calls_after_reuse() -> list[str]:
    """One whose socket is closed before it is forgotten, and another that has its number by then."""
    watch, calls = HangupWatch(asyncio.get_running_loop()), []
    ours, theirs = socket.socketpair()
    number, lost = ours.fileno(), asyncio.Transport({"socket": ours})
    with ours, theirs:
        watch.watch(lost, lambda: calls.append("lost"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert ours.fileno() == number
        watch.watch(asyncio.Transport({"socket": ours}), lambda: calls.append("left"))
        watch.forget(lost)
        theirs.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.01)
    watch.close()
    return calls


def test_a_socket_that_has_the_number_of_a_closed_one_is_not_taken_for_it() -> None:
    assert asyncio.run(calls_after_reuse()) == ["left"]
