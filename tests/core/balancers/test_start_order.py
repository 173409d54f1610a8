from __future__ import annotations

from random import Random

from proxy.core.balancers.start_order import StartOrder
from proxy.core.replica import Replica


def test_finds_the_first_from_any_place_on() -> None:
    """Orders far apart, as after months of starts."""
    random, members, order = Random(1), StartOrder(), dict[int, Replica]()
    numbers = [random.randrange(10 ** random.randrange(1, 7)) for _ in range(300)]
    for _ in range(5000):
        number, start = random.choice(numbers), random.choice(numbers) + random.randrange(-1, 2)
        if number in order:
            members.remove(order.pop(number))
        else:
            order[number] = Replica(number, str(number), 1, 0)
            members.add(order[number])
        expected = min((other for other in order if other >= start), default=None)
        assert members.first(max(0, start)) is (None if expected is None else order[expected])
        assert members.first() is (order[min(order)] if order else None)
