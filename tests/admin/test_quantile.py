from __future__ import annotations

import pytest

from proxy.admin.quantile import quantile

BOUNDS = (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("share", "counts", "value"),
    [
        (0.5, (0, 0, 0, 0), None),
        (0.5, (10, 0, 0, 0), 0.5),
        (0.5, (0, 4, 0, 0), 1.5),
        (0.99, (98, 0, 2, 0), 3.0),
        (1.0, (1, 1, 0, 0), 2.0),
        (0.5, (0, 0, 0, 7), 4.0),  # above the last bound: that is all one knows
    ],
)
def test_a_quantile_lies_evenly_within_its_bucket(share: float, counts: tuple[int, ...], value: float | None) -> None:
    assert quantile(share, BOUNDS, counts) == value
