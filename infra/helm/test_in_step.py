"""What is written in two places is the same in both."""

import json
import re
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

import manifests
import values_table
from chart import (
    CHART,
    ROOT,
    objects,
    options,
    pods,
    run,
)


def merged(old, new):
    """Patches an object as Kubernetes does: items of lists are identified by name, or by mount path."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: merged(old.get(name), new.get(name)) for name in [*old, *(new.keys() - old)]}
    if isinstance(old, list) and isinstance(new, list):
        known = [{item.get("mountPath", item["name"]): item for item in items} for items in (old, new)]
        return list(merged(*known).values())
    return old if new is None else new


def in_order(pod):
    """A pod whose variables, volumes and mounts are sorted by name."""
    if isinstance(pod, dict):
        return {name: in_order(value) for name, value in pod.items()}
    if isinstance(pod, list) and all(isinstance(item, dict) and "name" in item for item in pod):
        return sorted((in_order(item) for item in pod), key=lambda item: item["name"])
    return pod


class InStep(unittest.TestCase):
    """One after another."""

    def test_the_plain_manifests(self):
        for folder, values in manifests.FOLDERS.items():
            with self.subTest(folder=folder.name):
                self.assertEqual(
                    manifests.present(folder), manifests.render(values), "`make fmt-deploy` writes them anew"
                )
                for name, text in manifests.present(folder).items():
                    self.assertNotRegex(text, "(?i)helm(?!/plain)", name)

    def test_a_claim_is_patched_into_the_plain_manifests_as_the_chart_has_it(self):
        text = (ROOT / "infra/k8s/README.md").read_text(encoding="utf-8")
        patch = json.loads(re.search(r"--patch '(\{.*\})'", text)[1])
        for folder, values in manifests.FOLDERS.items():
            with self.subTest(folder=folder.name):
                path = next(path for path in folder.glob("*.yaml") if path.stem in ("statefulset", "deployment"))
                plain = merged(yaml.safe_load(path.read_text(encoding="utf-8")), patch)
                rendered = objects("--values", values, *options(inbox__existingClaim="laboratory"), name="owsc")
                _, _, pod = next(pods(rendered))
                self.assertEqual(in_order(plain["spec"]["template"]["spec"]), in_order(pod))

    def test_the_table_of_values(self):
        self.assertEqual(
            values_table.README.read_text(encoding="utf-8"), values_table.readme(), "`make fmt-deploy` writes it anew"
        )

    def test_the_schema_knows_every_value(self):
        def compare(values, schema, path):
            known = schema.get("properties")
            if isinstance(values, dict) and known is not None and schema.get("additionalProperties") is False:
                for name, value in values.items():
                    self.assertIn(name, known, path)
                    compare(value, known[name], f"{path}.{name}")

        schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
        values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
        compare(values, schema, "values")
        self.assertEqual(set(schema["properties"]) - {"global"}, set(values))

    def test_the_settings_of_the_server(self):
        source = (ROOT / "shared/web/src/config.rs").read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        # Only for the functions.
        settings = set(re.findall(r'"(OW_SC_[A-Z_]+[A-Z])"', source)) - {"OW_SC_PUSH_URL"}
        schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
        known = schema["properties"]["env"]["propertyNames"]["anyOf"][1]["enum"]
        self.assertEqual(settings, set(known))

    def test_the_version(self):
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
        self.assertEqual(chart["appVersion"], workspace)

    def test_it_can_be_packaged(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = run("helm", "package", CHART, "--destination", folder)
            self.assertEqual(code, 0, said)
            listed = subprocess.run(
                ["tar", "-tzf", next(Path(folder).iterdir())], capture_output=True, encoding="utf-8", check=True
            ).stdout
        for name in ("values.schema.json", "files/alerts.yaml", "files/dashboard.json", "templates/NOTES.txt"):
            self.assertIn(f"{CHART.name}/{name}\n", listed)


if __name__ == "__main__":
    unittest.main()
