"""Configurations, rules and the dashboard, held against the tools they are for, where those are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml
from engine import FLEET

ENVIRONMENT = os.environ | {
    "CLICKHOUSE_URL": "http://127.0.0.1:8123",
    "CLICKHOUSE_HOST": "127.0.0.1",
    "CLICKHOUSE_USER": "default",
    "CLICKHOUSE_PASSWORD": "x",
    "HOSTNAME": "host",
}


class Configurations(unittest.TestCase):
    def accepted(self, *words: str) -> None:
        """The tool takes it; skipped where the tool is not installed."""
        if shutil.which(words[0]) is None:
            self.skipTest(f"{words[0]} is not installed")
        done = subprocess.run(
            words, cwd=FLEET, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_vector_takes_its_configuration(self) -> None:
        self.accepted("vector", "validate", "--no-environment", "vector/vector.yaml")

    def test_fluent_bit_takes_its_configuration(self) -> None:
        self.accepted("fluent-bit", "--dry-run", "-c", "fluent-bit/fluent-bit.yaml")

    def test_the_collector_takes_its_configuration(self) -> None:
        self.accepted("otelcol-contrib", "validate", "--config", "otelcol/otelcol.yaml")

    def test_prometheus_takes_the_rules_and_they_fire_when_they_should(self) -> None:
        self.accepted("promtool", "check", "rules", "prometheus/rules.yml")
        self.accepted("promtool", "test", "rules", "prometheus/rules.test.yml")

    def test_every_alert_has_been_seen_to_fire(self) -> None:
        rules = yaml.safe_load((FLEET / "prometheus/rules.yml").read_text())
        tests = yaml.safe_load((FLEET / "prometheus/rules.test.yml").read_text())
        alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
        fired = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
        self.assertEqual(alerts, fired)

    def test_pipelines_lead_from_files_to_the_database(self) -> None:
        vector = yaml.safe_load((FLEET / "vector/vector.yaml").read_text())
        parts: dict[str, Any] = {**vector["sources"], **vector["transforms"]}
        for part in (*vector["transforms"].values(), *vector["sinks"].values()):
            self.assertLessEqual(set(part["inputs"]), set(parts))
        collector = yaml.safe_load((FLEET / "otelcol/otelcol.yaml").read_text())
        for pipeline in collector["service"]["pipelines"].values():
            for role, names in pipeline.items():
                self.assertLessEqual(set(names), set(collector[role]))
        self.assertEqual(set(collector["service"]["extensions"]), set(collector["extensions"]))

    def test_the_dashboard_is_a_model_that_grafana_takes(self) -> None:
        model = json.loads((FLEET / "grafana/dashboard.json").read_text())
        panels = model["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertTrue(taken.isdisjoint(cells), f"{panel['title']} lies on another panel")
            taken |= cells
        variables = {f"${{{variable['name']}}}" for variable in model["templating"]["list"]}
        sources = {target["datasource"]["uid"] for panel in panels for target in panel["targets"]}
        self.assertLessEqual(sources, variables)

    def test_prometheus_understands_what_the_dashboard_asks(self) -> None:
        model = json.loads((FLEET / "grafana/dashboard.json").read_text())
        asked = [target["expr"] for panel in model["panels"] for target in panel["targets"] if "expr" in target]
        self.assertGreater(len(asked), 5)
        for name, value in {"$__range": "6h", "$__rate_interval": "5m", "$instance": ".*"}.items():
            asked = [expression.replace(name, value) for expression in asked]
        rules = [{"record": f"rstscan:asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rules.yml"
            file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
            self.accepted("promtool", "check", "rules", str(file))


if __name__ == "__main__":
    unittest.main()
