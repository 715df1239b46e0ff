"""The chart's refusals, and their messages."""

import re
import unittest

from chart import CHART, complete, template

DYNAMODB = {"database__mode": "dynamodb", "database__region": "eu-central-1"}
INGRESS = {"ingress__enabled": "true", "ingress__hosts[0]__host": "effluent.example.com"}
BUCKET = {"inbox__bucket": "plant-1", "inbox__region": "eu-central-1"}
BACKUP = {"backup__bucket": "plant-1", "backup__region": "us-east-1"}
CLAIM = {"inbox__existingClaim": "laboratory"}
SCALING = {**DYNAMODB, "autoscaling__enabled": "true"}

# Values, and the chart's messages about them.
REFUSED = {
    "several instances on one file": (
        {"replicaCount": 2},
        "embedded database is a file of one process and takes one instance",
    ),
    "scaling on one file": ({"autoscaling__enabled": "true"}, "set database.mode=dynamodb to scale"),
    "a table nowhere": ({"database__mode": "dynamodb"}, "needs database.region, or database.endpoint"),
    "a region for a file": (
        {"database__region": "eu-central-1"},
        "belong to database.mode=dynamodb, but the mode is embedded",
    ),
    "an endpoint for a file": ({"database__endpoint": "http://store:8000"}, "belong to database.mode=dynamodb"),
    "credentials for a file": ({"database__credentialsSecret": "aws"}, "belong to database.mode=dynamodb"),
    "a claim that is not used": (
        {"persistence__existingClaim": "data", "persistence__enabled": "false"},
        "persistence.enabled is false: data would be gone with the pod",
    ),
    "two inboxes": ({**BUCKET, **CLAIM}, "inbox.bucket and inbox.existingClaim are two inboxes"),
    "a store without a bucket": ({"inbox__endpoint": "http://minio:9000"}, "belong to inbox.bucket, which is not set"),
    "keys for no bucket": ({**CLAIM, "inbox__credentialsSecret": "minio"}, "belong to inbox.bucket"),
    "a folder of no claim": ({**BUCKET, "inbox__subPath": "exports"}, "inbox.subPath belongs to inbox.existingClaim"),
    "a bucket nowhere": ({"inbox__bucket": "plant-1"}, "inbox.bucket needs inbox.region, or inbox.endpoint"),
    "a bucket nowhere, beside a table elsewhere": (
        {"database__mode": "dynamodb", "database__endpoint": "http://store:8000", "inbox__bucket": "plant-1"},
        "inbox.bucket needs database.region, or inbox.endpoint",
    ),
    "two regions": (
        {**DYNAMODB, "inbox__bucket": "plant-1", "inbox__region": "us-east-1"},
        "the table and the inbox have one region and one pair of keys",
    ),
    "keys of an inbox that would be the table's": (
        {**DYNAMODB, "inbox__bucket": "plant-1", "inbox__credentialsSecret": "minio"},
        "the table and the inbox have one region and one pair of keys",
    ),
    "a database that is taken in": (
        {"inbox__existingClaim": "ows-openworld-specialty-chemicals"},
        "inbox.existingClaim is the database's volume",
    ),
    "a copy that has no room": ({**CLAIM, "tmpSizeLimit": "512Mi"}, "tmpSizeLimit is below inbox.maxBytes"),
    "a copy of an upload that has no room": ({"tmpSizeLimit": "512Mi"}, "tmpSizeLimit is below inbox.maxBytes"),
    "an upload that fills the database's volume": (
        {"persistence__size": "512Mi"},
        "persistence.size is below inbox.maxBytes",
    ),
    "the inbox twice": ({**CLAIM, "env__OW_SC_INBOX": "/srv/inbox"}, "OW_SC_INBOX is what inbox is for"),
    "the word where it is not looked for": (
        {"env__OW_SC_ALLOW_ANONYMOUS": "1"},
        "OW_SC_ALLOW_ANONYMOUS is what allowAnonymous is for",
    ),
    "the largest file twice": (
        {"env__OW_SC_MAX_BATCH_BYTES": 1000},
        "OW_SC_MAX_BATCH_BYTES is what inbox.maxBytes is for",
    ),
    "a Secret and a token": (
        {"secrets__existingSecret": "mine", "secrets__apiToken": "a"},
        "existingSecret is in place of secrets.apiToken, metricsToken and redisUrl",
    ),
    "a Secret and a metrics token": (
        {"secrets__existingSecret": "mine", "secrets__metricsToken": "a"},
        "existingSecret is in place of",
    ),
    "a Secret and Redis' URL": (
        {"secrets__existingSecret": "mine", "secrets__redisUrl": "redis://redis:6379/0"},
        "existingSecret is in place of",
    ),
    "the word and a token": (
        {"allowAnonymous": "true", "secrets__apiToken": "a"},
        "allowAnonymous is true, but secrets.apiToken is set",
    ),
    "a Redis that nobody would ask": (
        {"redis__enabled": "true"},
        "redis.enabled wakes servers that share a table, but the embedded database has one server",
    ),
    "a backup of a table elsewhere": (
        {**DYNAMODB, "backup__size": "5Gi"},
        "backup is for the embedded database, but the mode is dynamodb",
    ),
    "two places for backups": ({**BACKUP, "backup__size": "5Gi"}, "are places for backups, and there is one"),
    "keys for no backup": ({"backup__credentialsSecret": "minio"}, "belong to backup.bucket, which is not set"),
    "a folder of no backup": ({**BACKUP, "backup__subPath": "a"}, "backup.subPath belongs to backup.existingClaim"),
    "a class of no backup": ({**BACKUP, "backup__storageClass": "a"}, "backup.storageClass belongs to backup.size"),
    "a backup nowhere": ({"backup__bucket": "plant-1"}, "backup.bucket needs backup.region, or backup.endpoint"),
    "a backup in another region than the inbox": (
        {**BUCKET, **BACKUP},
        "the inbox and the backups have one region, one endpoint and one pair of keys",
    ),
    "a backup beside what it is of": (
        {"backup__existingClaim": "ows-openworld-specialty-chemicals"},
        "backup.existingClaim is the database's volume",
    ),
    "a role of nowhere for backups": (
        {
            "backup__bucket": "plant-1",
            "backup__endpoint": "https://s3.internal.example.com",
            "serviceAccount__roleArn": "arn:aws:iam::123456789012:role/effluent",
        },
        "serviceAccount.roleArn needs backup.region",
    ),
    "names without end": (
        {**INGRESS, "ingress__hosts[0]__host": "*.example.com", "allowAnonymous": "true"},
        "allowAnonymous with a wildcard among the hosts",
    ),
    "a route that no gateway takes": ({"httpRoute__enabled": "true"}, "httpRoute.enabled without httpRoute.parentRefs"),
    "two Redis": (
        {**DYNAMODB, "redis__enabled": "true", "secrets__redisUrl": "redis://redis:6379/0"},
        "redis.enabled runs a Redis of its own, but secrets.redisUrl names another",
    ),
    "a token where it can be read": ({"env__OW_SC_API_TOKEN": "a"}, "OW_SC_API_TOKEN is what secrets.apiToken is for"),
    "the table twice": ({"env__OW_SC_TABLE": "mine"}, "OW_SC_TABLE is what database.table is for"),
    "a token twice": (
        {"extraEnv[0]__name": "OW_SC_METRICS_TOKEN", "extraEnv[0]__value": "a"},
        "OW_SC_METRICS_TOKEN is what secrets.metricsToken is for",
    ),
    "a variable twice": (
        {"extraEnv[0]__name": "LOG_FORMAT", "extraEnv[0]__value": "text"},
        "env and extraEnv: a variable is set twice",
    ),
    "an ingress to nothing": ({"ingress__enabled": "true"}, "ingress.enabled without ingress.hosts"),
    "a certificate for another name": (
        {**INGRESS, "ingress__tls[0]__hosts[0]": "efluent.example.com"},
        "ingress.tls: efluent.example.com is not among ingress.hosts",
    ),
    "more at least than at most": (
        {**SCALING, "autoscaling__minReplicas": 9},
        "autoscaling.minReplicas is above autoscaling.maxReplicas",
    ),
    "scaling by nothing": (
        {**SCALING, "autoscaling__targetCPUUtilizationPercentage": "null"},
        "autoscaling.enabled without a target",
    ),
    "a percentage of nothing": ({**SCALING, "resources__requests__cpu": "null"}, "set resources.requests.cpu"),
    "a percentage of no memory": (
        {**SCALING, "autoscaling__targetMemoryUtilizationPercentage": 80, "resources__requests": "null"},
        "set resources.requests.",
    ),
    "two budgets": (
        {**DYNAMODB, "replicaCount": 3, "podDisruptionBudget__minAvailable": 1},
        "set either maxUnavailable or minAvailable",
    ),
    "no budget": ({"podDisruptionBudget__maxUnavailable": "null"}, "set either maxUnavailable or minAvailable"),
    "all have to stay": (
        {
            **DYNAMODB,
            "replicaCount": 3,
            "podDisruptionBudget__minAvailable": 3,
            "podDisruptionBudget__maxUnavailable": "null",
        },
        "minAvailable=3 of 3: no node could ever be emptied",
    ),
    "all have to stay, in percent": (
        {**SCALING, "podDisruptionBudget__minAvailable": "100%", "podDisruptionBudget__maxUnavailable": "null"},
        "minAvailable=100% of 2: no node could ever be emptied",
    ),
    "the only one has to stay": (
        {"podDisruptionBudget__minAvailable": "50%", "podDisruptionBudget__maxUnavailable": "null"},
        "minAvailable=50% of 1: no node could ever be emptied",
    ),
    "none may go": ({"podDisruptionBudget__maxUnavailable": "0"}, "maxUnavailable=0: no node could ever be emptied"),
    "a role for nobody": (
        {"serviceAccount__create": "false", "serviceAccount__roleArn": "arn:aws:iam::123456789012:role/effluent"},
        "serviceAccount.roleArn annotates the account that the chart makes",
    ),
    "a role of nowhere": (
        {
            "database__mode": "dynamodb",
            "database__endpoint": "http://store:8000",
            "serviceAccount__roleArn": "arn:aws:iam::123456789012:role/effluent",
        },
        "serviceAccount.roleArn needs database.region",
    ),
    "a role of nowhere for an inbox": (
        {
            "inbox__bucket": "plant-1",
            "inbox__endpoint": "https://s3.internal.example.com",
            "serviceAccount__roleArn": "arn:aws:iam::123456789012:role/effluent",
        },
        "serviceAccount.roleArn needs inbox.region",
    ),
    "no time to drain": (
        {"terminationGracePeriodSeconds": 10},
        "must be above preStopSleepSeconds and the ten seconds",
    ),
    "no time to sleep and drain": (
        {"preStopSleepSeconds": 20},
        "must be above preStopSleepSeconds and the ten seconds",
    ),
    "a port on no node": ({"service__nodePort": 30080}, "need service.type=NodePort or LoadBalancer"),
    "a policy for no traffic": (
        {"service__externalTrafficPolicy": "Local"},
        "need service.type=NodePort or LoadBalancer",
    ),
}

# Depends on the cluster.
SLEEPLESS = "preStopSleepSeconds needs Kubernetes 1.30"

# Typing mistakes, and the schema's messages about them.
MISTYPED = {
    "replicacount=1": "'replicacount' not allowed",
    "image.repo=x": "'repo' not allowed",
    "image.repository=registry.example.com/owsc:1.0": "does not match pattern",
    "image.repository=openworld-specialty-chemicals": "does not match pattern",
    "image.repository=plant/owsc": "does not match pattern",
    "redis.image.repository=redis": "does not match pattern",
    "backup.size=5 GB": "does not match pattern",
    "backup.every=0": "minimum: got 0, want 1",
    "backup.every=8761": "maximum: got 8,761, want 8,760",
    "backup.keep=0": "minimum: got 0, want 1",
    "backup.to=/backup": "'to' not allowed",
    "allowAnonymous=yes please": "got string, want boolean",
    "openshift=auto": "got string, want ",
    "httpRoute.parentRefs[0]=public": "got string, want object",
    "prometheusRule.runbookUrl=docs": "does not match pattern",
    "image.digest=sha256:1234": "does not match pattern",
    "image.pullPolicy=Sometimes": "value must be one of",
    "database.mode=aws": "value must be one of 'embedded', 'dynamodb'",
    "database.table=a b": "does not match pattern",
    "database.endpoint=store:8000": "does not match pattern",
    "inbox.bucket=s3://plant-1": "does not match pattern",
    "inbox.prefix=/effluent": "does not match pattern",
    "inbox.endpoint=minio:9000": "does not match pattern",
    "inbox.subPath=../data": "does not match pattern",
    "inbox.maxBytes=5Gi": "got string, want ",
    "inbox.maxBytes=0": "minimum: got 0, want 1",
    "inbox.folder=/inbox": "'folder' not allowed",
    "tmpSizeLimit=5 GB": "does not match pattern",
    "replicaCount=two": "got string, want integer",
    "secrets.metricsProtect=maybe": "got string, want boolean",
    "secrets.apiToken=two words": "does not match pattern",
    "secrets.redisUrl=redis:6379": "does not match pattern",
    "secrets.api_token=x": "'api_token' not allowed",
    "env.OW_SC_RL_PERSEC=5": "invalid propertyName 'OW_SC_RL_PERSEC'",
    "env.OW_SC_RL_PER_SEC=ten": "does not match pattern",
    "env.OW_SC_MAX_CSV_BYTES=1e6": "does not match pattern",
    "env.OW_SC_HOSTS=https://effluent.example.com": "does not match pattern",
    "env.OW_SC_HSTS=on": "does not match pattern",
    "env.OW_SC_CORS_ORIGINS=*": "does not match pattern",
    "env.OW_SC_TRUSTED_PROXIES=ingress.example.com": "does not match pattern",
    "env.OW_SC_UPLOAD_URL=s3://plant-1": "does not match pattern",
    "env.LOG_FORMAT=xml": "value must be one of",
    "env.LOG-LEVEL=info": "invalid propertyName 'LOG-LEVEL'",
    "persistence.size=5 GB": "does not match pattern",
    "persistence.accessMode=ReadWriteMany": "value must be one of",
    "service.port=0": "minimum: got 0, want 1",
    "service.type=Ingress": "value must be one of",
    "ingress.hosts[0]=effluent.example.com": "got string, want object",
    "ingress.hosts[0].host=https://effluent.example.com": "does not match pattern",
    "serviceAccount.roleArn=effluent": "does not match pattern",
    "resources.memory=1Gi": "'memory' not allowed",
    "resources.limits.memory=1GB": "does not match pattern",
    "podDisruptionBudget.maxUnavailable=half": "does not match pattern",
    "serviceMonitor.interval=30": "got number, want string",
    "terminationGracePeriodSeconds=30s": "got string, want integer",
}


class Refusals(unittest.TestCase):
    """What is refused, and why."""

    def test_what_does_not_go_together(self):
        answers = []
        for name, (values, message) in REFUSED.items():
            with self.subTest(name):
                code, said = template(*complete(**values))
                self.assertNotEqual(code, 0)
                self.assertIn(message, said)
                answers.append(said)
        text = (CHART / "templates" / "refusals.yaml").read_text(encoding="utf-8")
        for message in set(re.findall(r'fail (?:\(printf )?"([^"]+)"', text)) - {SLEEPLESS}:
            with self.subTest("every refusal has an example", message=message):
                pattern = re.sub("%[sdv]", ".+", re.escape(message))
                self.assertTrue(any(re.search(pattern, answer) for answer in answers))

    def test_a_sleep_needs_a_kubernetes_that_can(self):
        code, said = template(*complete(preStopSleepSeconds=5), version="1.29.0")
        self.assertNotEqual(code, 0)
        self.assertIn(SLEEPLESS, said)
        self.assertEqual(template(*complete(preStopSleepSeconds=5), version="1.30.0")[0], 0)

    def test_an_old_kubernetes(self):
        code, said = template(version="1.26.0")
        self.assertNotEqual(code, 0)
        self.assertIn("incompatible with Kubernetes v1.26.0", said)

    def test_slips_of_the_pen(self):
        for value, message in MISTYPED.items():
            with self.subTest(value):
                code, said = template("--set", value)
                self.assertNotEqual(code, 0)
                self.assertIn("values don't meet the specifications of the schema", said)
                self.assertIn(message, said)


if __name__ == "__main__":
    unittest.main()
