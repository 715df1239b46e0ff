"""The chart and the plain manifests on a single-node Kubernetes: `make test-cluster`."""

import base64
import json
import re
import tempfile
import time
import unittest
from pathlib import Path

from followers import SITE, Follower, Publisher
from kubernetes import (
    CHART,
    NODE,
    REPOSITORY,
    ROOT,
    TAG,
    VERSION,
    Namespace,
    apply,
    ask,
    eventually,
    operators_kinds,
    run,
    volumes,
)
from live import Live

TOKEN, METRICS_TOKEN = "5hJ2kQ9wX7pL", "c4V8nB1mZ6tR"
FILE = b"time,species,concentration\n1,SO4,200\n2,SO4,900\n3,SO4,200\n"
GUIDE = {
    "secrets__apiToken": TOKEN,
    "secrets__metricsProtect": "true",
    "secrets__metricsToken": METRICS_TOKEN,
    "secrets__redisUrl": "redis://redis:6379/0",
}


def setUpModule():
    """Volumes for all tests."""
    volumes(12)


class Case(unittest.TestCase):
    """A test with a namespace of its own."""

    def setUp(self):
        self.space = Namespace(re.sub("[^a-z]+", "-", self.id().split(".")[-1])[5:60].strip("-"))
        self.addCleanup(self.space.delete)

    def store(self):
        """The table's store, which runs on the node, as a service of the namespace; and its credentials."""
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "dynamodb"},
            "spec": {"ports": [{"port": 8000}]},
        }
        slice_ = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "dynamodb", "labels": {"kubernetes.io/service-name": "dynamodb"}},
            "addressType": "IPv4",
            "ports": [{"port": 8000}],
            "endpoints": [{"addresses": [NODE]}],
        }
        apply(service, slice_, namespace=self.space.name)
        keys = ("--from-literal=AWS_ACCESS_KEY_ID=local", "--from-literal=AWS_SECRET_ACCESS_KEY=local")
        self.space.kubectl("create", "secret", "generic", "owsc-dynamodb", *keys)

    def ingests(self, address):
        """The ledger of files."""
        status, body = ask(address, "/api/ingests", TOKEN)
        self.assertEqual(status, 200, body)
        return json.loads(body)["ingests"]


class Guide(Case):
    """One instance with the embedded database, installed with the command from the old guide."""

    def test_the_line_of_the_old_guide_installs_what_works(self):
        self.space.install(**GUIDE, wait=False)
        # At once, like a person typing it.
        self.space.helm("test")
        address = self.space.address("ows-openworld-specialty-chemicals")
        self.assertEqual(ask(address, "/api/ingest?site=plant", None, FILE)[0], 401)
        status, body = ask(address, "/api/ingest?site=plant", TOKEN, FILE)
        self.assertEqual((status, json.loads(body)["rows_taken"]), (200, 3), body)
        for token, expected in ((None, 401), (TOKEN, 401), (METRICS_TOKEN, 200)):
            self.assertEqual(ask(address, "/metrics", token)[0], expected, token)

    def test_data_outlive_pods_upgrades_and_the_release(self):
        self.space.install(**GUIDE)
        name = "ows-openworld-specialty-chemicals"
        address = self.space.address(name)
        ask(address, "/api/ingest?site=plant", TOKEN, FILE)

        self.space.kubectl("delete", "pod", f"{name}-0")
        self.space.kubectl("rollout", "status", f"statefulset/{name}", "--timeout=60s")
        eventually("the file", lambda: len(self.ingests(address)) == 1)

        self.space.install("upgrade", **GUIDE, env__LOG_LEVEL="debug")
        eventually("the file", lambda: len(self.ingests(address)) == 1)

        self.space.helm("uninstall", "ows", "--wait")
        eventually("nothing but the claim", lambda: self.left() == [f"PersistentVolumeClaim/{name}"])
        self.space.install(**GUIDE)
        address = self.space.address(name)
        eventually("the file", lambda: len(self.ingests(address)) == 1)

    def left(self):
        """The remains of a release."""
        kinds = "all,secrets,configmaps,serviceaccounts,pvc,pdb,hpa,networkpolicies,ingresses,roles,rolebindings,leases"
        own = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
        found = {f"{item['kind']}/{item['metadata']['name']}" for item in self.space.get(kinds)}
        return sorted(found - own)


class Closed(Case):
    """Access, and the user it runs as."""

    NAME = "ows-openworld-specialty-chemicals"

    def token(self):
        """The chart's stored token."""
        secret = json.loads(self.space.kubectl("get", "secret", self.NAME, "--output", "json"))
        return base64.b64decode(secret["data"]["OW_SC_API_TOKEN"]).decode()

    def pod(self):
        """The pod of the embedded database."""
        return json.loads(self.space.kubectl("get", "pod", f"{self.NAME}-0", "--output", "json"))

    def test_a_token_is_generated_and_stays(self):
        self.space.install()
        token, pod = self.token(), self.pod()["metadata"]["uid"]
        self.assertRegex(token, "^[A-Za-z0-9]{40}$")
        self.space.helm("test")
        address = self.space.address(self.NAME)
        for path in ("/api/status", "/metrics"):
            self.assertEqual((ask(address, path)[0], ask(address, path, token)[0]), (401, 200), path)
        # Nothing that pods are made of changes, not even the token.
        self.space.install("upgrade", service__annotations__note="x")
        self.assertEqual((self.token(), self.pod()["metadata"]["uid"]), (token, pod))
        # Rotated as the guide says.
        self.space.kubectl("delete", "secret", self.NAME)
        self.space.install("upgrade")
        self.assertNotEqual(self.token(), token)
        eventually("the new token", lambda: ask(address, "/api/status", self.token())[0] == 200)
        self.assertEqual(ask(address, "/api/status", token)[0], 401)

    def test_the_word_opens_it_under_the_names_of_the_service(self):
        self.space.install(allowAnonymous="true")
        self.space.helm("test")
        self.assertEqual(ask(self.space.address(self.NAME), "/api/status")[0], 200)

    def test_the_user_of_a_project_of_openshift_can_do_all(self):
        # What Kubernetes' admission adds to a pod without settings.
        user = {"runAsUser": 1000710000, "runAsGroup": 0, "fsGroup": 1000710000}
        settings = {f"podSecurityContext__{name}": value for name, value in user.items()}
        self.space.install(**GUIDE, **settings)
        self.space.helm("test")
        context = self.pod()["spec"]["securityContext"]
        self.assertEqual({name: context[name] for name in user}, user)
        address = self.space.address(self.NAME)
        status, body = ask(address, "/api/ingest?site=plant", TOKEN, FILE)
        self.assertEqual((status, json.loads(body)["rows_taken"]), (200, 3), body)
        self.space.kubectl("delete", "pod", f"{self.NAME}-0")
        self.space.kubectl("rollout", "status", f"statefulset/{self.NAME}", "--timeout=60s")
        eventually("the file", lambda: len(self.ingests(address)) == 1)


class Several(Case):
    """Three instances on a shared table."""

    RELEASE = {
        "fullnameOverride": "owsc",
        "database__mode": "dynamodb",
        "database__endpoint": "http://dynamodb:8000",
        "database__credentialsSecret": "owsc-dynamodb",
        "replicaCount": 3,
        "redis__enabled": "true",
        "networkPolicy__enabled": "true",
        "secrets__apiToken": TOKEN,
        "env__OW_SC_RL_PER_SEC": 500,
        "env__OW_SC_WS_MSGS_PER_SEC": 500,
    }

    def setUp(self):
        super().setUp()
        self.store()

    def install(self, **settings):
        """A release with a table of its own."""
        self.space.install(**self.RELEASE, database__table=f"owsc-{time.time_ns()}", **settings)

    def test_a_reading_posted_to_one_pod_arrives_at_the_others(self):
        self.install()
        self.space.helm("test")
        addresses = list(self.space.pods().values())
        self.assertEqual(len(addresses), 3)
        for address in addresses:
            eventually("Redis", lambda at=address: "owsc_redis_up 1" in ask(at, "/metrics", TOKEN)[1])
        followers = [Follower(address, TOKEN) for address in addresses]
        for follower in followers:
            follower.start()
        for follower in followers:
            self.assertTrue(follower.subscribed.wait(10))
        with Live(addresses[0], SITE, TOKEN) as publisher:
            publisher.send({"time": 1, "species": "SO4", "concentration": 1})
            publisher.send({"type": "ping"})
            publisher.receive()
        for follower in followers:
            eventually("the reading", lambda events=follower.events: events and events[0]["type"] == "reading")
            follower.stop()

    def test_a_restart_under_load_loses_nothing_and_nobody_is_away_for_long(self):
        self.install()
        address = self.space.address("owsc")
        followers = [Follower(address, TOKEN) for _ in range(30)]
        publisher = Publisher(address, TOKEN)
        for follower in followers:
            follower.start()
        for follower in followers:
            self.assertTrue(follower.subscribed.wait(10))
        publisher.start()
        time.sleep(3)
        before = set(self.space.pods())
        started = time.monotonic()
        self.space.kubectl("rollout", "restart", "deployment/owsc")
        self.space.kubectl("rollout", "status", "deployment/owsc", "--timeout=180s")
        took = time.monotonic() - started
        time.sleep(10)
        publisher.stop()
        self.assertFalse(before & set(self.space.pods()))
        self.judge(address, followers, publisher, took)

    def test_no_more_than_one_is_evicted_at_a_time(self):
        self.install()
        names = list(self.space.pods())
        self.assertIn('"Success"', self.evict(names[0]))
        with self.assertRaisesRegex(AssertionError, "disruption budget"):
            self.evict(names[1])
        eventually("another instance", lambda: len(self.space.pods()) == 3)
        self.assertIn('"Success"', self.evict(names[1]))

    def evict(self, name):
        """Requests the eviction of a pod, as draining a node does."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        path = f"/api/v1/namespaces/{self.space.name}/pods/{name}/eviction"
        return self.space.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction))

    def test_an_autoscaler_takes_over_without_a_loss_of_instances(self):
        table = {"database__table": f"owsc-{time.time_ns()}"}
        self.space.install(**self.RELEASE, **table)
        before = set(self.space.pods())
        self.space.install("upgrade", **self.RELEASE, **table, autoscaling__enabled="true", autoscaling__minReplicas=3)
        self.assertEqual(set(self.space.pods()), before)
        self.space.kubectl("patch", "hpa", "owsc", "--patch", '{"spec": {"minReplicas": 4}}')
        eventually("a fourth instance", lambda: len(self.space.pods()) == 4)
        before = set(self.space.pods())
        self.space.install("upgrade", **self.RELEASE, **table, autoscaling__enabled="true", autoscaling__minReplicas=4)
        self.assertEqual(set(self.space.pods()), before)

    def judge(self, address, followers, publisher, took):
        """Each follower has all that was acknowledged, once and in order, and was away for five seconds at most."""
        head = max(follower.head for follower in followers)
        eventually("all events", lambda: all(follower.head >= head for follower in followers))
        for follower in followers:
            follower.stop()
        first = max(follower.events[0]["seq"] for follower in followers)
        numbers = [event["time"] for event in followers[0].events if event["type"] == "reading"]
        away = sorted(time for follower in followers for time in follower.away)
        print(
            f"\nrestart of three instances in {took:.1f} s: {len(away)} reconnections, away for"
            f" {away[len(away) // 2]:.2f} s at the median and {away[-1]:.2f} s at most; {publisher.published} readings"
            f" sent, {len(numbers)} delivered; {len(publisher.posted)} files taken at {publisher.retries} more tries"
        )
        self.assertEqual({code for follower in followers for code in follower.codes}, {1001})
        # Both continued all the time, and only data in flight to a terminated instance may be missing.
        self.assertGreater(min(len(publisher.posted), len(numbers) / 10), took)
        self.assertEqual(len(numbers), len(set(numbers)))
        for follower in followers:
            events = [event for event in follower.events if event["seq"] >= first]
            self.assertEqual(events, [event for event in followers[0].events if event["seq"] >= first])
            seen = [event["ingest"] for event in follower.events if event["type"] == "ingest"]
            self.assertEqual(sorted(seen), sorted(set(seen)))
            self.assertEqual(set(publisher.posted) - set(seen), set())
        self.assertGreaterEqual(len(away), len(followers))
        self.assertLess(away[-1], 5)


class Accepted(Case):
    """The API server's verdict on everything that the chart can be configured to render."""

    def test_every_value_set_is_accepted(self):
        kinds = list(operators_kinds())
        with self.assertRaisesRegex(AssertionError, "ensure CRDs are installed"):
            self.space.helm("install", "ows", CHART, "--values", ROOT / "infra/helm/ci/monitoring.yaml")
        apply(*kinds)
        for kind in kinds:
            run("cluster", "kubectl", "wait", "--for=condition=Established", f"crd/{kind['metadata']['name']}")
        for values in sorted((ROOT / "infra/helm/ci").glob("*.yaml")):
            with self.subTest(values.name):
                self.space.helm("install", "ows", CHART, "--dry-run=server", "--values", values)
                # Helm asks the server about its capabilities; only kubectl sends it the objects.
                objects = self.space.helm("template", "ows", CHART, "--values", values)
                said = self.space.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=objects)
                self.assertNotIn("Warning", said)

    def test_the_plain_manifests_become_ready(self):
        secret = ("--from-literal=OW_SC_API_TOKEN=" + TOKEN, "--from-literal=OW_SC_METRICS_TOKEN=" + METRICS_TOKEN)
        self.space.kubectl("create", "secret", "generic", "owsc", *secret)
        self.store()
        for folder, workload in (("k8s", "deployment/owsc"), ("k8s/embedded", "statefulset/owsc")):
            with self.subTest(folder), tempfile.TemporaryDirectory() as copy:
                self.copy(ROOT / "infra" / folder, copy)
                self.assertNotIn("Warning", self.space.kubectl("apply", "--filename", copy))
                self.space.kubectl("rollout", "status", workload, "--timeout=120s")
                address = self.space.address("owsc")
                eventually("the service", lambda at=address: ask(at, "/readyz")[0] == 200)
                self.space.kubectl("delete", "--filename", copy)

    def copy(self, folder, copy):
        """Copies manifests, and inserts the node's image."""
        here = f"registry.example.com/openworld-specialty-chemicals:{VERSION}"
        for path in folder.glob("*.yaml"):
            text = path.read_text(encoding="utf-8").replace(here, f"{REPOSITORY}:{TAG}")
            (Path(copy) / path.name).write_text(text, encoding="utf-8")
