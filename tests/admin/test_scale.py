from __future__ import annotations

import json

import pytest

from proxy.admin.scale import parse_override
from proxy.config import Scaling
from proxy.core.autoscaler.limits import NO_OVERRIDE, Override
from proxy.errors import BadRequest

SETTINGS = Scaling.model_validate({"replica_concurrency": 1, "min_replicas": 1, "max_replicas": 4})
ON_CPU = Scaling.model_validate({"replica_concurrency": 1, "min_replicas": 1, "metric": "cpu_utilization"})


def parsed(given: object, current: Override = NO_OVERRIDE, settings: Scaling = SETTINGS) -> Override:
    return parse_override(json.dumps(given).encode(), settings, current)


def test_what_is_not_given_stays_as_it_was() -> None:
    first = parsed({"min_replicas": 2})
    assert first == Override(2, None)
    assert parsed({"max_replicas": 9}, first) == Override(2, 9)


def test_null_clears() -> None:
    assert parsed({"min_replicas": None}, Override(2, 9)) == Override(None, 9)
    assert parsed({"min_replicas": None, "max_replicas": None}, Override(2, 9)) == NO_OVERRIDE


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, 'must be a JSON object such as {"min_replicas": 2, "max_replicas": 8}; null clears'),
        ([2], "must be a JSON object"),
        ({"replicas": 2}, "replicas is not known: give min_replicas, max_replicas or both"),
        ({"min_replicas": -1}, "min_replicas must be a whole number from 0 to 2000, or null to clear it"),
        ({"max_replicas": 0}, "max_replicas must be a whole number from 1 to 2000"),
        ({"max_replicas": 2001}, "from 1 to 2000"),
        ({"min_replicas": "2"}, "must be a whole number"),
        ({"min_replicas": True}, "must be a whole number"),
        ({"min_replicas": 3, "max_replicas": 2}, "min_replicas 3 is above max_replicas 2"),
        ({"min_replicas": 5}, "min_replicas 5 is above the app's max_replicas 4: give both"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(given: object, sentence: str) -> None:
    with pytest.raises(BadRequest) as told:
        parsed(given)
    assert sentence in str(told.value)


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(BadRequest, match="must be a JSON object"):
        parse_override(b"min_replicas=2", SETTINGS, NO_OVERRIDE)


def test_a_most_below_the_configured_least_needs_both() -> None:
    settings = SETTINGS.model_copy(update={"min_replicas": 3})
    with pytest.raises(BadRequest, match="max_replicas 2 is below the app's min_replicas 3: give both"):
        parsed({"max_replicas": 2}, settings=settings)
    assert parsed({"min_replicas": 0, "max_replicas": 2}, settings=settings) == Override(0, 2)


def test_what_is_measured_at_replicas_needs_one() -> None:
    with pytest.raises(BadRequest, match="min_replicas must be a whole number from 1 to 2000"):
        parsed({"min_replicas": 0}, settings=ON_CPU)
