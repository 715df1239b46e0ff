"""What the chart has to keep: it renders what Kubernetes takes, and what its values say."""

import functools
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import kubernetes_validate.utils
import yaml

import manifests
import schemas
import values_table
from chart import (
    CHART,
    HERE,
    NEWEST,
    ROOT,
    VALUE_SETS,
    VERSIONS,
    environment,
    objects,
    one,
    options,
    pods,
    run,
    server,
    template,
)

# Of a version the library reads a file of 2 MB for each object, unless it is told to remember.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

# Kinds that are not Kubernetes' own; schemas of them are in `schemas/`.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}

INGRESS = {"ingress__enabled": "true", "ingress__hosts[0]__host": "effluent.example.com"}


def files():
    """Arguments for each set of values, by its name."""
    return {path.stem if path.parent.name == "ci" else f"plain {path.stem}": ["--values", path] for path in VALUE_SETS}


def kubeconform(folder, version, *arguments):
    """What kubeconform says by Kubernetes' schemas in a folder, and those of foreign kinds."""
    name = "{{.ResourceKind}}{{.KindSuffix}}.json"
    ours = ("-schema-location", f"{folder}/{{{{.NormalizedKubernetesVersion}}}}/{name}")
    foreign = ("-schema-location", f"{HERE}/schemas/{name}")
    return run("kubeconform", "-strict", "-output", "json", "-kubernetes-version", version, *ours, *foreign, *arguments)


def merged(old, new):
    """An object with a patch, as Kubernetes does it: items of lists are known by name, or by where they are mounted."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: merged(old.get(name), new.get(name)) for name in [*old, *(new.keys() - old)]}
    if isinstance(old, list) and isinstance(new, list):
        known = [{item.get("mountPath", item["name"]): item for item in items} for items in (old, new)]
        return list(merged(*known).values())
    return old if new is None else new


def in_order(pod):
    """A pod whose variables, volumes and mounts come in the order of their names."""
    if isinstance(pod, dict):
        return {name: in_order(value) for name, value in pod.items()}
    if isinstance(pod, list) and all(isinstance(item, dict) and "name" in item for item in pod):
        return sorted((in_order(item) for item in pod), key=lambda item: item["name"])
    return pod


def supported(name, version):
    """Whether a set of values is for a version of Kubernetes."""
    return name != "autoscaling" or version != VERSIONS[0]


def renderings():
    """What each set of values renders, by its name."""
    return [(name, objects(*arguments)) for name, arguments in files().items()]


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
        rendered = objects()
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
    """What holds of every set of values."""

    def test_pods_can_do_no_harm(self):
        for name, rendered in renderings():
            with self.subTest(name):
                for _, _, pod in pods(rendered):
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    self.assertIs(pod["enableServiceLinks"], False)
                    context = pod["securityContext"]
                    self.assertIs(context["runAsNonRoot"], True)
                    self.assertEqual((context["runAsUser"], context["runAsGroup"], context["fsGroup"]), (65532,) * 3)
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
                    # A StatefulSet's name goes into a label of its pod, with ten characters more.
                    limit = 52 if item["kind"] == "StatefulSet" else 63
                    self.assertLessEqual(len(item["metadata"]["name"]), limit)
                    for value in item["metadata"]["labels"].values():
                        self.assertLessEqual(len(value), 63)


class Particulars(unittest.TestCase):
    """What single values do."""

    def test_the_old_guides_command(self):
        typed = {
            "image__repository": "registry.example.com/owsc",
            "secrets__apiToken": "a",
            "secrets__metricsProtect": "true",
            "secrets__metricsToken": "m",
            "secrets__redisUrl": "redis://redis:6379/0",
        }
        rendered = objects(*options(**typed))
        self.assertEqual(server(rendered)["image"], "registry.example.com/owsc:0.1.0")
        self.assertEqual(
            one(rendered, "Secret")["stringData"],
            {"OW_SC_API_TOKEN": "a", "OW_SC_METRICS_TOKEN": "m", "OW_SC_REDIS_URL": "redis://redis:6379/0"},
        )
        variables = environment(rendered)
        self.assertEqual(variables["OW_SC_METRICS_PROTECT"], "1")
        for name in ("OW_SC_API_TOKEN", "OW_SC_METRICS_TOKEN", "OW_SC_REDIS_URL"):
            self.assertEqual(
                variables[name]["secretKeyRef"], {"name": "ows-openworld-specialty-chemicals", "key": name}
            )

    def test_a_test_that_comes_too_early_asks_again(self):
        for name, rendered in renderings():
            with self.subTest(name):
                pod = one(rendered, "Pod", "-test")["spec"]
                self.assertEqual(pod["restartPolicy"], "OnFailure")
                # Helm waits for five minutes.
                self.assertLess(pod["activeDeadlineSeconds"], 300)

    def test_the_embedded_database_has_one_pod_and_a_volume(self):
        rendered = objects()
        self.assertEqual(
            [item["kind"] for item in rendered if item["kind"] in ("Deployment", "StatefulSet")], ["StatefulSet"]
        )
        workload = one(rendered, "StatefulSet")
        self.assertEqual(workload["spec"]["replicas"], 1)
        self.assertNotIn(
            "updateStrategy", workload["spec"]
        )  # RollingUpdate: of one pod, away before the next one comes.
        self.assertIn(
            workload["spec"]["serviceName"],
            [item["metadata"]["name"] for item in rendered if item["kind"] == "Service"],
        )
        claim = one(rendered, "PersistentVolumeClaim")
        self.assertEqual(claim["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        volumes = {volume["name"]: volume for volume in workload["spec"]["template"]["spec"]["volumes"]}
        self.assertEqual(volumes["data"]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])

    def test_a_shared_table_has_instances_that_replace_each_other(self):
        rendered = objects(*files()["dynamodb"])
        workload = one(rendered, "Deployment")
        self.assertEqual(workload["spec"]["replicas"], 3)
        self.assertEqual(workload["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
        variables = environment(rendered)
        self.assertEqual((variables["AWS_REGION"], variables["OW_SC_TABLE"]), ("eu-central-1", "plant-1.effluent"))
        self.assertNotIn("OW_SC_DATA_DIR", variables)
        account = one(rendered, "ServiceAccount")
        self.assertEqual(
            account["metadata"]["annotations"],
            {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/plant/effluent-monitor"},
        )

    def test_an_inbox_is_a_bucket_or_a_volume(self):
        def inbox(name):
            rendered = objects(*files()[name])
            _, _, pod = next(pods(rendered))
            volume = next((v["persistentVolumeClaim"] for v in pod["volumes"] if v["name"] == "inbox"), None)
            mounts = [mount for mount in server(rendered)["volumeMounts"] if mount["name"] == "inbox"]
            return environment(rendered), volume, mounts

        variables, volume, mounts = inbox("inbox-bucket")
        self.assertEqual((volume, mounts), (None, []))
        self.assertEqual(variables["OW_SC_INBOX"], "s3://plant-1/effluent/monitor")
        self.assertEqual(variables["OW_SC_MAX_BATCH_BYTES"], "21474836480")
        self.assertEqual(variables["AWS_ENDPOINT_URL_S3"], "http://minio.storage.svc:9000")
        self.assertEqual(variables["AWS_REGION"], "us-east-1")
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            self.assertEqual(variables[key]["secretKeyRef"], {"name": "minio", "key": key})
        variables, volume, mounts = inbox("inbox-claim")
        self.assertEqual(volume, {"claimName": "laboratory"})
        self.assertEqual(mounts, [{"name": "inbox", "mountPath": "/inbox", "subPath": "exports/effluent"}])
        self.assertEqual(variables["OW_SC_INBOX"], "/inbox")
        for name in ("defaults", "dynamodb"):
            variables, volume, mounts = inbox(name)
            self.assertEqual((volume, mounts), (None, []))
            self.assertFalse(variables.keys() & {"OW_SC_INBOX", "AWS_ENDPOINT_URL_S3"})
            self.assertEqual(variables["OW_SC_MAX_BATCH_BYTES"], "1073741824")
        self.assertEqual(inbox("inbox-s3")[0]["OW_SC_MAX_BATCH_BYTES"], "5368709120")

    def test_an_inbox_has_the_region_and_the_keys_of_the_table(self):
        elsewhere = options(inbox__bucket="a-b", inbox__endpoint="http://c")
        variables = environment(objects(*files()["compatible-store"], *elsewhere))
        self.assertEqual((variables["OW_SC_INBOX"], variables["AWS_REGION"]), ("s3://a-b", "local"))
        self.assertEqual(variables["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"], "store")
        variables = environment(objects(*files()["inbox-s3"], *options(inbox__region="eu-central-1")))
        self.assertEqual(variables["AWS_REGION"], "eu-central-1")
        self.assertNotIn("AWS_ACCESS_KEY_ID", variables)

    def test_what_is_copied_has_room(self):
        def limit(**values):
            _, _, pod = next(pods(objects(*options(**values))))
            return next(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "tmp")

        five, table = 5 * 1024**3, {"database__mode": "dynamodb", "database__region": "eu-central-1"}
        claim = {"inbox__existingClaim": "laboratory"}
        self.assertEqual(limit(), f"{512 + 4 * 1024}Mi")
        self.assertEqual(limit(**table), "512Mi")
        self.assertEqual(limit(**table, inbox__bucket="plant"), "512Mi")
        self.assertEqual(limit(**table, **claim, inbox__maxBytes=five), f"{512 + 4 * 5 * 1024}Mi")
        self.assertEqual(limit(**table, env__OW_SC_INBOX="/share", inbox__maxBytes=1), "513Mi")
        self.assertEqual(limit(inbox__bucket="plant", inbox__region="us-east-1", tmpSizeLimit="1Gi"), "1Gi")
        for enough in ("9Ei", "5Gi", "5.5Gi", "6G", "1Ti", five, str(five)):
            self.assertEqual(str(limit(**claim, inbox__maxBytes=five, tmpSizeLimit=enough)), str(enough))
        for little in ("4.99Gi", "5G", "5119Mi", five - 1):
            with self.assertRaisesRegex(AssertionError, "tmpSizeLimit is below inbox.maxBytes"):
                limit(**claim, inbox__maxBytes=five, tmpSizeLimit=little)

    def test_a_volume_that_is_no_claim_can_be_an_inbox_too(self):
        share = {
            "extraVolumes[0]__name": "share",
            "extraVolumes[0]__nfs__server": "nas",
            "extraVolumes[0]__nfs__path": "/",
            "extraVolumeMounts[0]__name": "share",
            "extraVolumeMounts[0]__mountPath": "/share",
        }
        variables = environment(objects(*options(**share, env__OW_SC_INBOX="/share")))
        self.assertEqual(variables["OW_SC_INBOX"], "/share")

    def test_a_token_that_is_missing_in_a_secret_keeps_the_server_from_starting(self):
        variables = environment(objects(*files()["dynamodb"]))
        self.assertEqual(
            variables["OW_SC_API_TOKEN"]["secretKeyRef"], {"name": "effluent-tokens", "key": "OW_SC_API_TOKEN"}
        )
        self.assertIs(variables["OW_SC_METRICS_TOKEN"]["secretKeyRef"]["optional"], True)
        self.assertIs(variables["OW_SC_REDIS_URL"]["secretKeyRef"]["optional"], True)

    def test_pods_are_replaced_when_the_secret_changes_and_only_then(self):
        def checksum(**values):
            workload = one(objects(*options(**values)), "StatefulSet")
            return workload["spec"]["template"]["metadata"]["annotations"]["checksum/secret"]

        self.assertNotEqual(checksum(secrets__apiToken="a"), checksum(secrets__apiToken="b"))
        self.assertEqual(checksum(secrets__apiToken="a"), checksum(secrets__apiToken="a", service__port=80))

    def test_a_new_chart_of_the_same_server_replaces_no_pod(self):
        with tempfile.TemporaryDirectory() as folder:
            newer = Path(folder) / CHART.name
            shutil.copytree(CHART, newer)
            path = newer / "Chart.yaml"
            path.write_text(
                re.sub(r"(?m)^version: .*", "version: 99.0.0", path.read_text(encoding="utf-8")), encoding="utf-8"
            )
            new, old = (one(objects(*files()["guide"], chart=chart), "StatefulSet") for chart in (newer, CHART))
        self.assertNotEqual(new["metadata"]["labels"], old["metadata"]["labels"])
        self.assertEqual(new["spec"], old["spec"])

    def test_numbers_are_written_as_they_were(self):
        variables = environment(objects(*files()["embedded"]))
        self.assertEqual(variables["OW_SC_MAX_CSV_BYTES"], "20971520")
        self.assertEqual(variables["OW_SC_MAX_CSV_ROWS"], "2000000")
        self.assertNotIn("LOG_FORMAT", variables)
        typed = environment(objects(*options(env__OW_SC_MAX_CSV_BYTES=20971520, env__RATIO=1.5, env__FLAG="true")))
        self.assertEqual((typed["OW_SC_MAX_CSV_BYTES"], typed["RATIO"], typed["FLAG"]), ("20971520", "1.5", "true"))

    def test_an_autoscaler_has_the_number_to_itself(self):
        rendered = objects(*files()["autoscaling"])
        self.assertNotIn("replicas", one(rendered, "Deployment")["spec"])
        scaler = one(rendered, "HorizontalPodAutoscaler")["spec"]
        self.assertEqual([metric["type"] for metric in scaler["metrics"]], ["Resource", "Resource", "Pods"])
        self.assertEqual(server(rendered)["lifecycle"], {"preStop": {"sleep": {"seconds": 5}}})

    def test_what_may_be_reached(self):
        def ports(name):
            policy = one(objects(*files()[name]), "NetworkPolicy", "chemicals")
            return [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]]

        # The store's port, AWS for the role's credentials, Redis' port; and what the values add.
        self.assertEqual(ports("locked-down"), [[53, 53], [8443, 443, 6380], [80]])
        self.assertEqual(ports("locked-redis"), [[53, 53], [443, 6379]])
        self.assertEqual(ports("inbox-bucket"), [[53, 53], [9000]])
        self.assertEqual(ports("inbox-s3"), [[53, 53], [443]])
        self.assertEqual(ports("inbox-claim"), [[53, 53], [8000]])
        embedded = objects(*options(networkPolicy__enabled="true"))
        self.assertEqual(len(one(embedded, "NetworkPolicy")["spec"]["egress"]), 1)

    def test_the_scrape_has_the_token_that_the_server_wants(self):
        def key(*arguments):
            return one(objects(*arguments), "ServiceMonitor")["spec"]["endpoints"][0].get("authorization")

        credentials = {"name": "ows-openworld-specialty-chemicals", "key": "OW_SC_API_TOKEN"}
        self.assertEqual(key(*files()["monitoring"]), {"credentials": credentials})
        credentials["key"] = "OW_SC_METRICS_TOKEN"
        self.assertEqual(key(*files()["monitoring"], *options(secrets__metricsToken="m")), {"credentials": credentials})
        self.assertEqual(
            key(*files()["monitoring-secret"]), {"credentials": {"name": "effluent-tokens", "key": "OW_SC_API_TOKEN"}}
        )
        self.assertIsNone(key(*options(serviceMonitor__enabled="true")))

    def test_rules_and_dashboard_arrive_as_they_are(self):
        rendered = objects(*files()["monitoring"])
        rules = yaml.safe_load((ROOT / "infra/prometheus/alerts.yaml").read_text(encoding="utf-8"))
        self.assertEqual(one(rendered, "PrometheusRule")["spec"], rules)
        dashboard = json.loads((ROOT / "infra/grafana/effluent-monitor.json").read_text(encoding="utf-8"))
        self.assertEqual(json.loads(one(rendered, "ConfigMap")["data"]["effluent-monitor.json"]), dashboard)

    def test_instances_are_spread_among_themselves(self):
        pod = one(objects(*files()["scheduling"]), "Deployment")["spec"]["template"]
        ours, theirs = pod["spec"]["topologySpreadConstraints"]
        self.assertLessEqual(ours["labelSelector"]["matchLabels"].items(), pod["metadata"]["labels"].items())
        self.assertEqual(theirs["labelSelector"], {"matchLabels": {"app": "another"}})

    def test_the_image_can_be_named_for_ever(self):
        rendered = objects(*files()["scheduling"])
        repository = "registry.example.com:5000/plant/openworld-specialty-chemicals"
        self.assertEqual(server(rendered)["image"], f"{repository}@sha256:{'0123456789abcdef' * 4}")

    def test_what_a_person_is_told(self):
        bare = self.notes()
        self.assertIn("port-forward service/ows-openworld-specialty-chemicals 8000:8000", bare)
        self.assertIn("WARNING: there is no API token", bare)
        self.assertNotIn("WARNING", self.notes(*options(secrets__apiToken="a")))
        self.assertIn("Everything is gone when the pod is", self.notes(*files()["trial"]))
        self.assertNotIn("taken in by themselves", bare)
        self.assertIn("s3://plant-1/effluent/monitor/inbox/SITE/NAME", self.notes(*files()["inbox-bucket"]))
        share = self.notes(*files()["inbox-claim"])
        self.assertIn("SITE/NAME in exports/effluent of the claim laboratory", share)
        self.assertIn("it has to be ReadWriteMany", share)
        self.assertNotIn("ReadWriteMany", self.notes(*options(inbox__existingClaim="laboratory")))
        published = self.notes(*options(**INGRESS))
        self.assertIn("http://effluent.example.com/", published)
        self.assertIn("the ingress has no TLS", published)
        self.assertIn("in env.OW_SC_TRUSTED_PROXIES", published)
        secured = self.notes(*files()["ingress"])
        self.assertIn("https://effluent.example.com/", secured)
        self.assertNotIn("WARNING", secured)
        self.assertNotIn("OW_SC_TRUSTED_PROXIES", secured)

    def notes(self, *arguments):
        """The notes, rendered as an object: `helm template` leaves them out, and `helm install` wants a cluster."""
        with tempfile.TemporaryDirectory() as folder:
            chart = Path(folder) / CHART.name
            shutil.copytree(CHART, chart)
            notes = chart / "templates" / "NOTES.txt"
            text = f'{{{{ define "notes" }}}}{notes.read_text(encoding="utf-8")}{{{{ end }}}}'
            notes.unlink()
            probe = text + '\nkind: Notes\nmetadata: {name: notes, labels: {}}\ntext: {{ include "notes" . | quote }}\n'
            (chart / "templates" / "notes.yaml").write_text(probe, encoding="utf-8")
            return one(objects(*arguments, chart=chart), "Notes")["text"]


class InStep(unittest.TestCase):
    """What is written down in two places is the same in both."""

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
        # Of the functions alone.
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
