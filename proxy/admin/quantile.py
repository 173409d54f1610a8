"""Quantiles of what was counted in buckets."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(share: float, bounds: Sequence[float], counts: Sequence[int]) -> float | None:
    """The value below which `share` of the observations lie; None without one.

    Even within a bucket, as Prometheus' histogram_quantile; above the last bound it is that bound.
    """
    total = sum(counts)
    if not total:
        return None
    rank, below, lower = share * total, 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= rank:
            return lower + (bound - lower) * (rank - below) / count
        below, lower = below + count, bound
    return lower
