"""The effects of single values."""

import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from chart import (
    CHART,
    ROOT,
    complete,
    environment,
    files,
    notes,
    objects,
    one,
    options,
    pods,
    renderings,
    server,
)

INGRESS = {"ingress__enabled": "true", "ingress__hosts[0]__host": "effluent.example.com"}


class Particulars(unittest.TestCase):
    """One after another."""

    def test_the_old_guides_command(self):
        typed = {
            "image__repository": "registry.example.com/owsc",
            "secrets__apiToken": "a",
            "secrets__metricsProtect": "true",
            "secrets__metricsToken": "m",
            "secrets__redisUrl": "redis://redis:6379/0",
        }
        rendered = objects(*complete(**typed))
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
        rendered = objects(*complete())
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

    def test_a_backup_goes_to_a_bucket_or_a_volume(self):
        rendered = objects(*files()["backup-volume"])
        variables = environment(rendered)
        names = ("OW_SC_BACKUP", "OW_SC_BACKUP_EVERY", "OW_SC_BACKUP_KEEP")
        self.assertEqual([variables[name] for name in names], ["/backup", "6", "28"])
        claim = one(rendered, "PersistentVolumeClaim", "-backup")
        self.assertEqual(claim["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        self.assertEqual(claim["spec"]["storageClassName"], "nfs-client")
        _, _, pod = next(pods(rendered))
        volume = next(volume for volume in pod["volumes"] if volume["name"] == "backup")
        self.assertEqual(volume["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])
        self.assertIn({"name": "backup", "mountPath": "/backup"}, server(rendered)["volumeMounts"])

        variables = environment(objects(*files()["backup-bucket"]))
        self.assertEqual(variables["OW_SC_BACKUP"], "s3://plant-1-backups/effluent")
        self.assertEqual(variables["AWS_ENDPOINT_URL_S3"], "http://minio.storage.svc:9000")
        self.assertEqual(variables["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"], "minio")
        variables = environment(objects(*files()["inbox-bucket"], *options(backup__bucket="backups")))
        self.assertEqual(variables["OW_SC_BACKUP"], "s3://backups")
        rendered = objects(*complete(backup__existingClaim="share", backup__subPath="effluent"))
        self.assertIn(
            {"name": "backup", "mountPath": "/backup", "subPath": "effluent"}, server(rendered)["volumeMounts"]
        )
        self.assertEqual(len([item for item in rendered if item["kind"] == "PersistentVolumeClaim"]), 1)
        self.assertFalse(environment(objects(*complete())).keys() & set(names))

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
            _, _, pod = next(pods(objects(*complete(**values))))
            return next(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "tmp")

        five, table = 5 * 1024**3, {"database__mode": "dynamodb", "database__region": "eu-central-1"}
        claim = {"inbox__existingClaim": "laboratory"}
        self.assertEqual(limit(), f"{512 + 4 * 1024}Mi")
        self.assertEqual(limit(**table), "512Mi")
        self.assertEqual(limit(**table, inbox__bucket="plant"), "512Mi")
        self.assertEqual(limit(**table, **claim, inbox__maxBytes=five), f"{512 + 4 * 5 * 1024}Mi")
        self.assertEqual(limit(**table, env__OW_SC_INBOX="/share", inbox__maxBytes=1), "513Mi")
        self.assertEqual(limit(inbox__bucket="plant", inbox__region="us-east-1", tmpSizeLimit="1Gi"), "1Gi")
        backup = {"backup__bucket": "backups", "persistence__size": "7Gi"}
        self.assertEqual(limit(**backup, backup__region="us-east-1"), f"{512 + (4 + 7) * 1024}Mi")
        self.assertEqual(limit(**backup, inbox__bucket="plant", inbox__region="us-east-1"), f"{512 + 7 * 1024}Mi")
        self.assertEqual(limit(backup__size="7Gi"), f"{512 + 4 * 1024}Mi")
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
        variables = environment(objects(*complete(**share, env__OW_SC_INBOX="/share")))
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
            workload = one(objects(*complete(**values)), "StatefulSet")
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
        typed = environment(objects(*complete(env__OW_SC_MAX_CSV_BYTES=20971520, env__RATIO=1.5, env__FLAG="true")))
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

        # The store's port, AWS for the role's credentials, Redis's port; and the additions in the values.
        self.assertEqual(ports("locked-down"), [[53, 53], [8443, 443, 6380], [80]])
        self.assertEqual(ports("locked-redis"), [[53, 53], [443, 6379]])
        self.assertEqual(ports("inbox-bucket"), [[53, 53], [9000]])
        self.assertEqual(ports("inbox-s3"), [[53, 53], [443]])
        self.assertEqual(ports("inbox-claim"), [[53, 53], [8000]])
        self.assertEqual(ports("backup-bucket"), [[53, 53], [9000]])
        embedded = objects(*complete(networkPolicy__enabled="true"))
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
        self.assertIsNone(key(*complete(allowAnonymous="true", serviceMonitor__enabled="true")))

    def test_the_dashboard_arrives_as_it_is(self):
        rendered = objects(*files()["monitoring"])
        dashboard = json.loads((ROOT / "infra/grafana/effluent-monitor.json").read_text(encoding="utf-8"))
        self.assertEqual(json.loads(one(rendered, "ConfigMap")["data"]["effluent-monitor.json"]), dashboard)

    def test_a_route_leads_to_the_service(self):
        rendered = objects(*files()["gateway"], *options(service__port=80))
        route = one(rendered, "HTTPRoute")["spec"]
        service = one(rendered, "Service", "chemicals")
        backend = {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}
        self.assertEqual(route["rules"][0]["backendRefs"], [backend])
        self.assertEqual(route["hostnames"], ["effluent.example.com"])

    def test_the_demonstration_is_loaded_only_if_it_is_asked_for(self):
        self.assertNotIn("--demo", server(objects(*complete()))["args"])
        self.assertIn("--demo", server(objects(*files()["trial"]))["args"])

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
        bare = notes(*complete())
        self.assertIn("port-forward service/ows-openworld-specialty-chemicals 8000:8000", bare)
        self.assertIn("get secret ows-openworld-specialty-chemicals --output 'go-template={{.data.OW_SC_API_TOKEN", bare)
        self.assertNotIn("allowAnonymous", bare)
        self.assertIn("Its volume must be a disk", bare)
        self.assertIn("WARNING: it is not backed up", bare)
        self.assertEqual(bare.count("WARNING"), 1)
        share = notes(*complete(persistence__storageClass="nfs-client", backup__bucket="backups", backup__region="us-east-1"))
        self.assertIn("WARNING: by its name, the storage class nfs-client is a network file system", share)
        self.assertIn("backed up to s3://backups every 24 hours; the last 14 backups are kept", share)
        anonymous = notes(*complete(allowAnonymous="true", persistence__storageClass="gp3"))
        self.assertIn("WARNING: allowAnonymous is true", anonymous)
        self.assertNotIn("storage class", anonymous)
        self.assertIn("https://effluent.example.com/", notes(*files()["gateway"]))
        self.assertIn("Everything is gone when the pod is", notes(*files()["trial"]))
        self.assertNotIn("taken in by themselves", bare)
        self.assertIn("s3://plant-1/effluent/monitor/inbox/SITE/NAME", notes(*files()["inbox-bucket"]))
        share = notes(*files()["inbox-claim"])
        self.assertIn("SITE/NAME in exports/effluent of the claim laboratory", share)
        self.assertIn("it has to be ReadWriteMany", share)
        self.assertNotIn("ReadWriteMany", notes(*complete(inbox__existingClaim="laboratory")))
        published = notes(*complete(**INGRESS))
        self.assertIn("http://effluent.example.com/", published)
        self.assertIn("the ingress has no TLS", published)
        self.assertIn("in env.OW_SC_TRUSTED_PROXIES", published)
        secured = notes(*files()["ingress"])
        self.assertIn("https://effluent.example.com/", secured)
        self.assertNotIn("WARNING: the ingress", secured)
        self.assertNotIn("OW_SC_TRUSTED_PROXIES", secured)


if __name__ == "__main__":
    unittest.main()
