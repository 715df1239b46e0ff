"""Properties of every set of values: Kubernetes accepts what is rendered, and it does no harm."""

import functools
import json
import re
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate.utils
import yaml

import schemas
from chart import (
    CHART,
    HERE,
    NEWEST,
    VALUE_SETS,
    VERSIONS,
    complete,
    environment,
    files,
    objects,
    one,
    pods,
    renderings,
    run,
    server,
    template,
)

# Without a cache, the library reads a file of 2 MB for each object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

# Kinds that are not Kubernetes' own; their schemas are in `schemas/`.
FOREIGN = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}


def kubeconform(folder, version, *arguments):
    """kubeconform's output, with Kubernetes' schemas in a folder, and those of foreign kinds."""
    name = "{{.ResourceKind}}{{.KindSuffix}}.json"
    ours = ("-schema-location", f"{folder}/{{{{.NormalizedKubernetesVersion}}}}/{name}")
    foreign = ("-schema-location", f"{HERE}/schemas/{name}")
    return run("kubeconform", "-strict", "-output", "json", "-kubernetes-version", version, *ours, *foreign, *arguments)


def supported(name, version):
    """Whether a set of values supports a version of Kubernetes."""
    return name != "autoscaling" or version != VERSIONS[0]


class ValueSets(unittest.TestCase):
    """Each file in `ci/` and `plain/`, on the oldest and the newest Kubernetes."""

    def test_there_are_enough(self):
        self.assertGreaterEqual(len(VALUE_SETS), 10)

    def test_helm_has_nothing_to_say(self):
        for name, arguments in files().items():
            with self.subTest(name):
                code, said = run("helm", "lint", "--strict", CHART, "--kube-version", NEWEST, *arguments)
                self.assertEqual(code, 0, said)

    def test_kubernetes_takes_them(self):
        for version in VERSIONS:
            with tempfile.TemporaryDirectory() as folder:
                schemas.write(folder, version)
                for name, arguments in files().items():
                    if supported(name, version):
                        code, text = template(*arguments, version=version)
                        self.assertEqual(code, 0, text)
                        (Path(folder) / f"{name}.yaml").write_text(text, encoding="utf-8")
                code, said = kubeconform(folder, version, "-summary", *sorted(Path(folder).glob("*.yaml")))
                self.assertEqual(code, 0, said)
                summary = json.loads(said)["summary"]
                self.assertGreater(summary["valid"], 6 * len(VALUE_SETS))
                self.assertEqual(summary["skipped"], 0)

    def test_a_second_opinion(self):
        for version in VERSIONS:
            for name, arguments in files().items():
                if not supported(name, version):
                    continue
                for item in objects(*arguments, version=version):
                    if item["kind"] not in FOREIGN:
                        with self.subTest(name, version=version, kind=item["kind"]):
                            kubernetes_validate.utils.validate(item, version, strict=True)

    def test_the_judges_are_awake(self):
        rendered = objects(*complete())
        del server(rendered)["image"]
        server(rendered)["imagePullpolicy"] = "Always"
        with self.assertRaises(kubernetes_validate.utils.ValidationError):
            kubernetes_validate.utils.validate(one(rendered, "StatefulSet"), NEWEST, strict=True)
        with tempfile.TemporaryDirectory() as folder:
            schemas.write(folder, NEWEST)
            path = Path(folder) / "bad.yaml"
            path.write_text(yaml.safe_dump(one(rendered, "StatefulSet")), encoding="utf-8")
            code, said = kubeconform(folder, NEWEST, path)
            self.assertEqual(code, 1)
            self.assertIn("imagePullpolicy", said)


class Everywhere(unittest.TestCase):
    """Properties of every set of values."""

    def test_pods_can_do_no_harm(self):
        for name, rendered in renderings():
            with self.subTest(name):
                for _, _, pod in pods(rendered):
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    self.assertIs(pod["enableServiceLinks"], False)
                    context = pod["securityContext"]
                    self.assertIs(context["runAsNonRoot"], True)
                    self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
                    for container in pod["containers"]:
                        self.assertEqual(
                            container["securityContext"],
                            {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        )
                        self.assertIn("memory", container["resources"]["limits"])

    def test_the_server_is_watched_and_may_write_where_it_has_to(self):
        for name, rendered in renderings():
            with self.subTest(name):
                container = server(rendered)
                probes = {
                    probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
                }
                self.assertEqual(probes["startupProbe"], {"path": "/livez", "port": "http"})
                self.assertEqual(probes["livenessProbe"], {"path": "/livez", "port": "http"})
                self.assertEqual(probes["readinessProbe"], {"path": "/readyz", "port": "http"})
                mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
                self.assertIn("/tmp", mounts)
                self.assertEqual("/data" in mounts, "--database=embedded" in container["args"])
                pod = next(pod for _, _, pod in pods(rendered) if pod["containers"][0] is container)
                self.assertLessEqual(
                    {mount["name"] for mount in container["volumeMounts"]}, {v["name"] for v in pod["volumes"]}
                )
                self.assertGreater(pod["terminationGracePeriodSeconds"], 10)

    def test_no_secret_is_where_it_can_be_read(self):
        secret = re.compile("5hJ2kQ9wX7pL|c4V8nB1mZ6tR|p%40ss")
        for name, rendered in renderings():
            with self.subTest(name):
                for item in rendered:
                    if item["kind"] != "Secret":
                        self.assertNotRegex(json.dumps(item), secret)

    def test_secrets_that_are_referred_to_are_there(self):
        for name, rendered in renderings():
            with self.subTest(name):
                own = {item["metadata"]["name"]: item["stringData"] for item in rendered if item["kind"] == "Secret"}
                for variable in environment(rendered).values():
                    reference = variable.get("secretKeyRef") if isinstance(variable, dict) else None
                    if reference and reference["name"].startswith("ows-"):
                        self.assertIn(reference["key"], own[reference["name"]])

    def test_no_variable_comes_twice(self):
        for name, rendered in renderings():
            with self.subTest(name):
                names = [entry["name"] for entry in server(rendered)["env"]]
                self.assertEqual(len(names), len(set(names)))

    def test_selectors_find_the_right_pods(self):
        for name, rendered in renderings():
            with self.subTest(name):
                labels = {name: labels for name, labels, _ in pods(rendered)}
                for item in rendered:
                    spec = item.get("spec", {})
                    if item["kind"] == "Service":
                        selector = spec["selector"]
                    elif item["kind"] in ("PodDisruptionBudget", "Deployment", "StatefulSet"):
                        selector = spec["selector"]["matchLabels"]
                    elif item["kind"] == "NetworkPolicy":
                        selector = spec["podSelector"]["matchLabels"]
                    else:
                        continue
                    component = "redis" if item["metadata"]["name"].endswith("-redis") else "server"
                    found = [name for name, have in labels.items() if selector.items() <= have.items()]
                    self.assertEqual([labels[name]["app.kubernetes.io/component"] for name in found], [component])

    def test_a_scrape_finds_one_service(self):
        for name, rendered in renderings():
            with self.subTest(name):
                for monitor in (item for item in rendered if item["kind"] == "ServiceMonitor"):
                    selector = monitor["spec"]["selector"]["matchLabels"].items()
                    services = [item["metadata"] for item in rendered if item["kind"] == "Service"]
                    found = [service["name"] for service in services if selector <= service["labels"].items()]
                    self.assertEqual(found, [monitor["metadata"]["name"]])

    def test_names_are_short_enough(self):
        for name, rendered in renderings():
            with self.subTest(name):
                for item in rendered:
                    # A StatefulSet's name goes into a label of its pod, with ten more characters.
                    limit = 52 if item["kind"] == "StatefulSet" else 63
                    self.assertLessEqual(len(item["metadata"]["name"]), limit)
                    for value in item["metadata"]["labels"].values():
                        self.assertLessEqual(len(value), 63)


if __name__ == "__main__":
    unittest.main()
