from __future__ import annotations

from proxy.core.queue import Queue
from tests.core.fakes import FakeRequest


def line_of(count: int, limit: int = 10) -> tuple[Queue, list[FakeRequest]]:
    """The first joins at 0, the others one second after each other."""
    queue, waiters = Queue(limit), [FakeRequest() for _ in range(count)]
    for second, waiter in enumerate(waiters):
        queue.join(waiter, second)
    return queue, waiters


def test_first_in_is_first_out() -> None:
    queue, waiters = line_of(3)
    assert [queue.next() for _ in range(3)] == waiters
    assert not queue


def test_leaving_keeps_the_order_of_the_others() -> None:
    queue, (first, second, third) = line_of(3)
    assert queue.leave(second)
    assert second not in queue
    assert list(queue) == [first, third]


def test_who_is_not_in_line_cannot_leave_it() -> None:
    queue, (first,) = line_of(1)
    assert (queue.leave(FakeRequest()), queue.leave(first), queue.leave(first)) == (False, True, False)


def test_the_line_is_full_at_its_limit() -> None:
    queue, (first, _) = line_of(2, limit=2)
    assert queue.full
    queue.leave(first)
    assert not queue.full
    assert Queue(0).full


def test_who_comes_back_goes_before_everybody_even_where_the_line_is_full() -> None:
    queue, waiters = line_of(2, limit=2)
    returned = FakeRequest()
    queue.join_first(returned, 9)
    assert list(queue) == [returned, *waiters]


def test_the_oldest_wait_is_that_of_the_first() -> None:
    queue, (first, _, _) = line_of(3)
    assert queue.oldest_wait_seconds(10) == 10
    queue.leave(first)
    assert queue.oldest_wait_seconds(10) == 9
    assert Queue(1).oldest_wait_seconds(10) == 0


def test_who_comes_back_does_not_hide_how_long_others_have_waited() -> None:
    queue, _ = line_of(2)
    queue.join_first(FakeRequest(), 9)
    assert queue.oldest_wait_seconds(10) == 10
