"""The alert rules and the dashboard are valid, and use only metrics that exist."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DASHBOARD = json.loads((ROOT / "infra/grafana/effluent-monitor.json").read_text(encoding="utf-8"))
GROUPS = yaml.safe_load((HERE / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RUNBOOKS = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
# Each crate declares its own metrics in a file of this name.
DECLARED = [path.read_text(encoding="utf-8") for path in ROOT.glob("*/*/src/metrics.rs")]
METRICS = {name for text in DECLARED for name in re.findall(r'const \w+: &str = "(\w+)"', text)}
# Metrics that Prometheus adds, and those that it derives from histograms.
SUFFIXES = ("", "_bucket", "_count", "_sum")
KNOWN = {metric + suffix for metric in METRICS for suffix in SUFFIXES} | {"up"}


def panels():
    """The panels that show something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries():
    """Every query of the dashboard."""
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def metrics_of(query):
    """The metrics in a query: names before a brace, or alone in parentheses, that are not functions."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|by *\([^)]*\)', " ", query)
    return {word for word in re.findall(r"[a-z_]\w*(?! *\()\b", bare) if "_" in word or word == "up"} - {
        "histogram_quantile"
    }


class Rules(unittest.TestCase):
    """The alert rules."""

    def promtool(self, *arguments):
        done = subprocess.run(
            ["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_prometheus_takes_them(self):
        self.promtool("check", "rules", HERE / "alerts.yaml")

    def test_they_fire_when_they_should_and_not_else(self):
        self.promtool("test", "rules", HERE / "alerts.test.yaml")

    def test_each_is_tried_both_ways(self):
        tests = yaml.safe_load((HERE / "alerts.test.yaml").read_text(encoding="utf-8"))["tests"]
        tried = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
        for rule in RULES:
            for fires in (True, False):
                self.assertIn((rule["alert"], fires), tried)

    def test_each_says_what_it_means_and_what_to_do(self):
        self.assertEqual(len(RULES), len({rule["alert"] for rule in RULES}))
        for rule in RULES:
            with self.subTest(rule["alert"]):
                self.assertIn("for", rule)
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertGreater(len(rule["annotations"]["summary"]), 20)
                self.assertEqual(rule["annotations"]["runbook"], f"docs/runbooks.md#{rule['alert'].lower()}")
                # A heading and steps: the page has a section for each alert.
                self.assertRegex(RUNBOOKS, rf"(?m)^### {rule['alert']}\n\n(?:.+\n)+\n1. .{{15}}")

    def test_their_metrics_exist(self):
        for rule in RULES:
            with self.subTest(rule["alert"]):
                used = metrics_of(rule["expr"])
                self.assertTrue(used)
                self.assertLessEqual(used, KNOWN)

    def test_they_look_at_one_job(self):
        """The chart inserts its own job, for every metric or for none."""
        for rule in RULES:
            with self.subTest(rule["alert"]):
                selectors = re.findall(r'(?<!")\b((?:owsc|ws|stream)_\w+|up)\b(\{job="owsc"[,}])?', rule["expr"])
                self.assertTrue(selectors)
                self.assertTrue(all(job for _, job in selectors), selectors)
                # After aggregation, the result still names its job.
                for labels in re.findall(r"(?:sum|max)(?: by \(([^)]*)\))?", rule["expr"]):
                    self.assertIn("job", labels.split(", "))

    def test_prometheus_takes_the_dashboards_queries(self):
        variables = {"$__rate_interval": "5m", "$__range": "6h", "$job": ".*", "$instance": ".*"}
        rules = []
        for number, query in enumerate(queries()):
            for name, value in variables.items():
                query = query.replace(name, value)
            self.assertNotIn("$", query)
            rules.append({"record": f"query:{number}", "expr": query})
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            self.promtool("check", "rules", file.name)


class Dashboard(unittest.TestCase):
    """The dashboard."""

    def test_it_shows_every_metric(self):
        shown = set().union(*map(metrics_of, queries()))
        self.assertLessEqual(shown, KNOWN)
        bare = {re.sub("_(bucket|count|sum)$", "", metric) for metric in shown}
        self.assertEqual(METRICS - bare, set())

    def test_it_works_with_any_prometheus(self):
        chosen = {"type": "prometheus", "uid": "${datasource}"}
        names = [variable["name"] for variable in DASHBOARD["templating"]["list"]]
        self.assertEqual(names, ["datasource", "job", "instance"])
        for panel in panels():
            for part in (panel, *panel["targets"]):
                self.assertEqual(part["datasource"], chosen)
        self.assertNotIn("__inputs", DASHBOARD)
        self.assertNotIn("id", DASHBOARD)

    def test_every_panel_says_what_it_is(self):
        for panel in panels():
            with self.subTest(panel["title"]):
                self.assertTrue(panel["title"] and panel["description"])
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])

    def test_panels_have_numbers_and_places_of_their_own(self):
        numbers = [panel["id"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        taken = set()
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"]):
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(taken & cells, place)
            taken |= cells


if __name__ == "__main__":
    unittest.main()
