"""The alert rules that the chart passes to Prometheus: those of its own release, whatever its name."""

import re
import tempfile
import unittest
from pathlib import Path

import yaml

from chart import ROOT, complete, objects, one, run

PLAIN = yaml.safe_load((ROOT / "infra/prometheus/alerts.yaml").read_text(encoding="utf-8"))
ALL = {"serviceMonitor__enabled": "true", "prometheusRule__enabled": "true"}
# Release, namespace, values, and the job of its metrics.
RELEASES = (
    ("ows", "default", {}, "default/ows-openworld-specialty-chemicals"),
    ("other", "default", {}, "default/other-openworld-specialty-chemicals"),
    ("ows", "plant-2", {}, "plant-2/ows-openworld-specialty-chemicals"),
    ("ows", "default", {"nameOverride": "effluent"}, "default/ows-effluent"),
    ("ows", "default", {"fullnameOverride": "effluent"}, "default/effluent"),
)
BASE = "https://docs.example.com/runbooks.html"


def rendered(release, namespace, values):
    """The objects of a release."""
    return objects("--namespace", namespace, *complete(**ALL, **values), name=release)


class Rules(unittest.TestCase):
    """Rules and scrape of a release match."""

    def test_the_rules_look_at_what_the_scrape_brings(self):
        for release, namespace, values, job in RELEASES:
            with self.subTest(job):
                found = rendered(release, namespace, values)
                endpoint = one(found, "ServiceMonitor")["spec"]["endpoints"][0]
                self.assertEqual(endpoint["relabelings"], [{"targetLabel": "job", "replacement": job}])
                rules = one(found, "PrometheusRule")["spec"]
                jobs = set(re.findall(r'job(=|=~|!=)"([^"]*)"', str(rules)))
                self.assertEqual(jobs, {("=", job)})

    def test_but_for_the_job_they_are_the_plain_ones(self):
        rules = one(rendered("ows", "default", {"prometheusRule__job": "owsc"}), "PrometheusRule")["spec"]
        self.assertEqual(rules, PLAIN)

    def test_each_leads_to_its_section_of_the_runbooks(self):
        rules = one(rendered("ows", "default", {"prometheusRule__runbookUrl": BASE}), "PrometheusRule")["spec"]
        runbooks = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
        for group in rules["groups"]:
            for rule in group["rules"]:
                page, anchor = rule["annotations"]["runbook_url"].split("#")
                self.assertEqual(page, BASE)
                self.assertRegex(runbooks, rf"(?mi)^### {anchor}$")
                self.assertNotIn("runbook", rule["annotations"])

    def test_of_two_releases_only_the_right_one_is_spoken_of(self):
        (*first, job), (*second, other) = RELEASES[:2]
        with tempfile.TemporaryDirectory() as folder:
            for name, release in (("first", first), ("second", second)):
                rules = one(rendered(*release), "PrometheusRule")["spec"]
                (Path(folder) / f"{name}.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
            # The second one is gone after ten minutes; a file fails in the first one.
            test = {
                "rule_files": ["first.yaml", "second.yaml"],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [
                            {"series": f'ws_active_connections{{job="{job}"}}', "values": "1x40"},
                            {"series": f'ws_active_connections{{job="{other}"}}', "values": "1x10 stale"},
                            {"series": f'owsc_ingests_total{{job="{job}",outcome="failed"}}', "values": "0x15 1x25"},
                            {"series": f'owsc_ingests_total{{job="{other}",outcome="failed"}}', "values": "0x40"},
                        ],
                        "promql_expr_test": [
                            self.firing("EffluentMonitorAbsent", other),
                            self.firing("EffluentIngestFailing", job),
                        ],
                    }
                ],
            }
            path = Path(folder) / "test.yaml"
            path.write_text(yaml.safe_dump(test), encoding="utf-8")
            code, said = run("promtool", "test", "rules", path)
            self.assertEqual(code, 0, said)

    def firing(self, alert, job):
        """An alert that fires once after twenty minutes, for one job."""
        labels = f'ALERTS{{alertname="{alert}",alertstate="firing",job="{job}",severity="critical"}}'
        query = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
        return {"expr": query, "eval_time": "20m", "exp_samples": [{"labels": labels, "value": 1}]}


if __name__ == "__main__":
    unittest.main()
