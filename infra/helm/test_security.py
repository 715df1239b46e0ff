"""Pods under the restricted Pod Security Standard, and under OpenShift's rules."""

import json
import re
import shutil
import subprocess
import unittest

import kubernetes_validate.utils
import yaml

from chart import NEWEST, ROOT, VALUE_SETS, complete, objects, one, options, pods, server

RESTORE = ROOT / "docs/deploy-kubernetes.md"

# OpenShift's API, by which the chart detects it.
OPENSHIFT = ("--api-versions", "security.openshift.io/v1")
# A project has its own user, and assigns it to pods that specify none.
CHOSEN = ("runAsUser", "runAsGroup", "fsGroup")


def forbidden(*judged):
    """Violations of the restricted standard by pods, in the words of Kubernetes' admission; empty if there are none."""
    command = [shutil.which("podsecurity") or "podsecurity is not built"]
    text = json.dumps([{"metadata": {"labels": labels}, "spec": spec} for _, labels, spec in judged])
    return json.loads(subprocess.run(command, input=text, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout)


class Restricted(unittest.TestCase):
    """The standard `restricted`, by Kubernetes' own library."""

    def test_every_pod_of_every_value_set_is_admitted(self):
        for path in VALUE_SETS:
            for more in ((), OPENSHIFT):
                with self.subTest(path.name, openshift=bool(more)):
                    found = list(pods(objects("--values", path, *more)))
                    self.assertGreaterEqual(len(found), 2)
                    self.assertEqual(forbidden(*found), [""] * len(found))

    def test_the_pod_that_restores_a_backup_is_admitted(self):
        (text,) = re.findall(r"(?ms)^```yaml\n(apiVersion: v1\nkind: Pod\n.+?)^```", RESTORE.read_text(encoding="utf-8"))
        pod = yaml.safe_load(text)
        kubernetes_validate.utils.validate(pod, NEWEST, strict=True)
        self.assertEqual(forbidden((None, {}, pod["spec"])), [""])
        # Outside the chart's volumes.
        rendered = objects(*complete(backup__size="5Gi"))
        claims = {item["metadata"]["name"] for item in rendered if item["kind"] == "PersistentVolumeClaim"}
        self.assertIn(pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"], claims)
        theirs, ours = (
            {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            for container in (server(rendered), *pod["spec"]["containers"])
        )
        self.assertLessEqual(ours.items(), theirs.items())

    def test_the_judge_is_awake(self):
        (name, labels, spec), *_ = pods(objects(*complete()))
        container = spec["containers"][0]["securityContext"]
        for change, words in (
            (lambda: spec["securityContext"].pop("runAsNonRoot"), "runAsNonRoot != true"),
            (lambda: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
            (lambda: container.update(allowPrivilegeEscalation=True), "allowPrivilegeEscalation != false"),
            (lambda: container["capabilities"].update(drop=[]), "unrestricted capabilities"),
            (lambda: spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}}), "restricted volume types"),
        ):
            change()
            self.assertIn(words, forbidden((name, labels, spec))[0])


class OpenShift(unittest.TestCase):
    """The project decides which user and group its pods have."""

    def contexts(self, *arguments):
        """The security contexts of all pods."""
        return [spec["securityContext"] for _, _, spec in pods(objects(*arguments))]

    def test_no_pod_chooses_its_user(self):
        values = {"database__mode": "dynamodb", "database__region": "eu-central-1", "redis__enabled": "true"}
        for how in ((*complete(**values), *OPENSHIFT), complete(**values, openshift="true")):
            found = self.contexts(*how)
            self.assertEqual(len(found), 3)
            for context in found:
                self.assertFalse(context.keys() & set(CHOSEN))
                self.assertIs(context["runAsNonRoot"], True)

    def test_elsewhere_they_do(self):
        for how in (complete(), (*complete(openshift="false"), *OPENSHIFT)):
            for context in self.contexts(*how):
                self.assertEqual([context[name] for name in CHOSEN], [65532] * 3)


class Labels(unittest.TestCase):
    """Additions to pods do not hide violations."""

    def test_labels_and_annotations_are_added(self):
        rendered = objects(*complete(podLabels__team="plant", podAnnotations__note="x"))
        pod = one(rendered, "StatefulSet")["spec"]["template"]["metadata"]
        self.assertEqual((pod["labels"]["team"], pod["annotations"]["note"]), ("plant", "x"))

    def test_no_value_can_set_a_label_of_the_charts(self):
        for place in ("podLabels", "serviceMonitor__labels", "prometheusRule__labels", "grafanaDashboard__labels"):
            for label in ("name", "instance", "component"):
                with self.subTest(place, label=label), self.assertRaisesRegex(AssertionError, "schema"):
                    objects(*options(**{rf"{place}__app\.kubernetes\.io/{label}": "x"}))


if __name__ == "__main__":
    unittest.main()
