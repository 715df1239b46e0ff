"""The oldest supported Helm, and older ones."""

import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from chart import CHART, ROOT, VALUE_SETS, complete, run, template

# Set by `make lint-deploy`.
OLDEST = os.environ["OLDEST_HELM"]
GUARD = re.compile(r'semverCompare "<(\d+\.\d+)\.0-0" \.Capabilities\.HelmVersion\.Version')
GUARDED = "templates/tests/ready.yaml"


class Oldest(unittest.TestCase):
    """Helm in the version that the chart states."""

    def test_it_is_the_one_that_is_stated(self):
        stated = GUARD.search((CHART / GUARDED).read_text(encoding="utf-8"))[1]
        _, said = run(OLDEST, "version", "--template", "{{.Version}}")
        self.assertEqual(said, f"v{stated}")
        for page in (CHART / "README.md", ROOT / "docs/deploy-kubernetes.md"):
            self.assertRegex(page.read_text(encoding="utf-8"), rf"\bHelm {re.escape(stated)} or later\b", page.name)

    def test_it_renders_what_todays_does(self):
        for path in VALUE_SETS:
            with self.subTest(path.name):
                today, oldest = (template("--values", path, helm=helm) for helm in ("helm", OLDEST))
                self.assertEqual(oldest[0], 0, oldest[1])
                self.assertEqual(oldest, today)

    def test_it_refuses_and_knows_slips_of_the_pen(self):
        for arguments, message in (
            (complete(replicaCount=2), "takes one instance"),
            ((), "there is no API token"),
            (("--set", "replicacount=1"), "replicacount is not allowed"),
            (complete(**{r"podLabels__app\.kubernetes\.io/name": "x"}), "podLabels"),
        ):
            with self.subTest(message):
                code, said = template(*arguments, helm=OLDEST)
                self.assertNotEqual(code, 0)
                self.assertIn(message, said)

    def test_an_older_one_is_told_so_before_anything_else(self):
        with tempfile.TemporaryDirectory() as folder:
            newer = Path(folder) / CHART.name
            shutil.copytree(CHART, newer)
            path = newer / GUARDED
            path.write_text(path.read_text(encoding="utf-8").replace("<3.10.0-0", "<99.0.0-0"), encoding="utf-8")
            # Other refusals would apply as well.
            code, said = template("--set", "replicaCount=2", chart=newer)
        self.assertNotEqual(code, 0)
        self.assertIn("Helm 3.10 or later is needed, and this is v3.", said)


if __name__ == "__main__":
    unittest.main()
