"""Nobody gets in by mistake: where the API token comes from, and that it stays the same."""

import unittest

from apiserver import ApiServer
from chart import VALUE_SETS, environment, notes, objects, one, options, pods, template

NAME = "ows-openworld-specialty-chemicals"
# Each way out of the cluster, and none.
PUBLISHED = {
    "to the cluster alone": {},
    "on nodes": {"service__type": "NodePort"},
    "by a load balancer": {"service__type": "LoadBalancer"},
    "by an ingress": {"ingress__enabled": "true", "ingress__hosts[0]__host": "effluent.example.com"},
    "by a gateway": {"httpRoute__enabled": "true", "httpRoute__parentRefs[0]__name": "public"},
}


def token(rendered):
    """The token in the chart's Secret."""
    return one(rendered, "Secret")["stringData"]["OW_SC_API_TOKEN"]


def checksum(rendered):
    """The annotation that makes pods change when the Secret does."""
    return one(rendered, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["checksum/secret"]


class Closed(unittest.TestCase):
    """By default, there is a token."""

    def test_without_a_cluster_nothing_is_published_without_a_token(self):
        for name, values in PUBLISHED.items():
            with self.subTest(name):
                code, said = template(*options(**values))
                self.assertNotEqual(code, 0)
                self.assertIn("there is no API token, and no cluster to keep a generated one in", said)
                self.assertIn("Set secrets.existingSecret or secrets.apiToken; or allowAnonymous=true", said)

    def test_with_a_cluster_a_token_is_generated(self):
        with ApiServer() as cluster:
            for name, values in PUBLISHED.items():
                with self.subTest(name):
                    rendered = objects(*cluster.options, *options(**values))
                    self.assertRegex(token(rendered), "^[A-Za-z0-9]{40}$")
                    variables = environment(rendered)
                    self.assertEqual(
                        variables["OW_SC_API_TOKEN"], {"secretKeyRef": {"name": NAME, "key": "OW_SC_API_TOKEN"}}
                    )
                    self.assertEqual(variables["OW_SC_METRICS_PROTECT"], "1")
                    self.assertNotIn("OW_SC_ALLOW_ANONYMOUS", variables)

    def test_an_upgrade_keeps_it_and_replaces_no_pod(self):
        with ApiServer() as cluster:
            first = objects(*cluster.options)
            cluster.put(one(first, "Secret"))
            second = objects(*cluster.options, *options(service__port=80))
            self.assertEqual(token(second), token(first))
            self.assertEqual(checksum(second), checksum(first))

    def test_another_release_or_namespace_has_its_own(self):
        with ApiServer() as cluster:
            first = objects(*cluster.options)
            cluster.put(one(first, "Secret"))
            self.assertNotEqual(token(objects(*cluster.options, name="other")), token(first))
            self.assertNotEqual(token(objects(*cluster.options, "--namespace", "elsewhere")), token(first))

    def test_a_secret_that_was_removed_gives_a_new_token_and_new_pods(self):
        with ApiServer() as cluster:
            first = objects(*cluster.options)
            cluster.put(one(first, "Secret"))
            cluster.objects.clear()
            second = objects(*cluster.options)
            self.assertNotEqual(token(second), token(first))
            self.assertNotEqual(checksum(second), checksum(first))

    def test_a_token_that_was_typed_once_stays_when_it_is_left_out(self):
        with ApiServer() as cluster:
            cluster.put(one(objects(*options(secrets__apiToken="5hJ2kQ9wX7pL")), "Secret"))
            self.assertEqual(token(objects(*cluster.options)), "5hJ2kQ9wX7pL")

    def test_a_secret_without_a_token_gets_one(self):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": {"OW_SC_REDIS_URL": "x"}}
        with ApiServer() as cluster:
            cluster.put(secret)
            self.assertRegex(token(objects(*cluster.options)), "^[A-Za-z0-9]{40}$")

    def test_a_class_of_the_cluster_that_is_a_network_file_system_is_told(self):
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": NAME}}
        with ApiServer() as cluster:
            for name, told in (("gp3", False), ("efs-sc", True)):
                cluster.put(claim | {"spec": {"storageClassName": name}})
                self.assertEqual(f"the storage class {name} is a network file system" in notes(*cluster.options), told)


class Open(unittest.TestCase):
    """With allowAnonymous."""

    def test_the_word_opens_it_everywhere(self):
        for name, values in PUBLISHED.items():
            with self.subTest(name):
                rendered = objects(*options(allowAnonymous="true", **values))
                variables = environment(rendered)
                self.assertEqual(variables["OW_SC_ALLOW_ANONYMOUS"], "1")
                self.assertFalse(variables.keys() & {"OW_SC_API_TOKEN", "OW_SC_METRICS_PROTECT"})
                self.assertNotIn("Secret", [item["kind"] for item in rendered])

    def test_the_server_knows_the_names_that_it_is_published_under(self):
        def hosts(**values):
            return environment(objects(*options(allowAnonymous="true", **values)))["OW_SC_HOSTS"].split(",")

        own = [NAME, f"{NAME}.default", f"{NAME}.default.svc"]
        self.assertEqual(hosts(), own)
        self.assertEqual(hosts(**PUBLISHED["by an ingress"]), [*own, "effluent.example.com"])
        route = {**PUBLISHED["by a gateway"], "httpRoute__hostnames[0]": "a.example.com"}
        self.assertEqual(hosts(**route, env__OW_SC_HOSTS="b.example.com"), [*own, "a.example.com", "b.example.com"])
        any_name = PUBLISHED["by an ingress"] | {"ingress__hosts[0]__host": "*.example.com"}
        self.assertEqual(hosts(**any_name, env__OW_SC_HOSTS="*"), ["*"])
        closed = environment(objects(*options(secrets__apiToken="a", env__OW_SC_HOSTS="b.example.com")))
        self.assertEqual(closed["OW_SC_HOSTS"], "b.example.com")

    def test_metrics_may_have_a_token_of_their_own(self):
        values = {"allowAnonymous": "true", "secrets__metricsToken": "m", "serviceMonitor__enabled": "true"}
        rendered = objects(*options(**values))
        self.assertEqual(environment(rendered)["OW_SC_METRICS_PROTECT"], "1")
        self.assertEqual(one(rendered, "Secret")["stringData"], {"OW_SC_METRICS_TOKEN": "m"})
        authorization = one(rendered, "ServiceMonitor")["spec"]["endpoints"][0]["authorization"]
        self.assertEqual(authorization, {"credentials": {"name": NAME, "key": "OW_SC_METRICS_TOKEN"}})

    def test_a_secret_of_the_users_need_not_have_a_token_then(self):
        variables = environment(objects(*options(allowAnonymous="true", secrets__existingSecret="mine")))
        self.assertIs(variables["OW_SC_API_TOKEN"]["secretKeyRef"]["optional"], True)
        variables = environment(objects(*options(secrets__existingSecret="mine")))
        self.assertNotIn("optional", variables["OW_SC_API_TOKEN"]["secretKeyRef"])

    def test_metrics_are_open_where_it_is_said(self):
        values = {"secrets__apiToken": "a", "secrets__metricsProtect": "false", "serviceMonitor__enabled": "true"}
        rendered = objects(*options(**values))
        self.assertEqual(environment(rendered)["OW_SC_METRICS_PROTECT"], "0")
        self.assertNotIn("authorization", one(rendered, "ServiceMonitor")["spec"]["endpoints"][0])


class WithoutLookups(unittest.TestCase):
    """Rendered as by Argo CD: with `helm template`, repeatedly, applying the differences."""

    def test_every_rendering_is_the_same(self):
        for path in VALUE_SETS:
            with self.subTest(path.name):
                arguments = ("--values", path, "--include-crds", "--api-versions", "monitoring.coreos.com/v1")
                first, second = template(*arguments), template(*arguments)
                self.assertEqual(first[0], 0, first[1])
                self.assertEqual(first, second)

    def test_no_pod_refers_to_a_secret_that_is_not_there(self):
        rendered = objects(*options(secrets__existingSecret="effluent-tokens"))
        self.assertNotIn("Secret", [item["kind"] for item in rendered])
        names = {
            entry["valueFrom"]["secretKeyRef"]["name"]
            for _, _, pod in pods(rendered)
            for container in pod["containers"]
            for entry in container.get("env", [])
            if "valueFrom" in entry
        }
        self.assertEqual(names, {"effluent-tokens"})


if __name__ == "__main__":
    unittest.main()
