"""examples/monitoring: what Prometheus and Grafana would read, parsed; and every metric in it exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.test_metrics import NAMES

FOLDER = Path(__file__).parents[2] / "examples" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"].replace("$__rate_interval", "1m") for panel in PANELS for target in panel["targets"]
]
# A histogram's other two series.
KNOWN = set(NAMES) | {re.sub("_bucket$", end, name) for name in NAMES for end in ("_sum", "_count")}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_promql_about_metrics_and_labels_that_exist(expression: str) -> None:
    promql_parser.parse(expression)
    for name, labels in re.findall(r"(tidegate_\w+)(?:\{([^}]*)\})?", expression):
        assert name in KNOWN
        of = NAMES.get(name) or NAMES.get(re.sub("_(sum|count)$", "_bucket", name), set())
        assert set(re.findall(r"(\w+)[=!]", labels)) <= of | {"app"}


def test_every_metric_is_on_the_grafana_dashboard() -> None:
    shown = " ".join(EXPRESSIONS)
    assert [name for name in NAMES if name.removesuffix("_bucket") not in shown] == []


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_how_bad_it_is_and_what_it_is_about(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert re.search(r"\{\{ \$labels\.(app|instance) \}\}", rule["annotations"]["summary"])
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_panels_do_not_overlap_and_use_the_chosen_data_source() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(PANELS)
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def test_prometheus_scrapes_the_admin_port_and_reads_the_rules() -> None:
    settings = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert [(FOLDER / name).exists() for name in settings["rule_files"]] == [True]
    assert settings["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:8001"]
