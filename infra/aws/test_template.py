"""What template.yaml has to keep: who may do what, and that nothing is forgotten when a function is added."""

import json
import re
import unittest

from render import TEMPLATE, render, source

ROOT = TEMPLATE.parent
RENDERED = render()
RESOURCES = RENDERED["Resources"]

TABLE = ("Table.Arn",)
INDEX = ("${Table.Arn}/index/gsi",)
STREAM = ("Table.StreamArn",)
STREAMS = ("${Table.Arn}/stream/*",)
QUEUE = ("GivenUp.Arn",)
CONNECTIONS = tuple(
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${LiveApi}/ws/" + method + "/@connections/*"
    for method in ("POST", "DELETE")
)
BUCKET = ("Inbox.Arn",)
WAITING, DONE, REFUSED = (f"${{Inbox.Arn}}/{folder}/*" for folder in ("inbox", "done", "refused"))
# What cannot be said more exactly: API Gateway makes the ids of connections, a stream's label is a time, and objects are
# called as those who put them call them; and a function's own name ends in what CloudFormation makes up.
ITSELF = (
    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-ChemistryFunction*"
)
WILDCARDS = {*CONNECTIONS, *STREAMS, WAITING, DONE, REFUSED, ITSELF}

READ = ["GetItem", "Query"]


def on(resources, actions, *keys, service="dynamodb"):
    """A statement: what is allowed, on what, and for which partition keys."""
    return frozenset(f"{service}:{action}" for action in actions), resources, frozenset(keys)


PUSH = on(CONNECTIONS, ["ManageConnections"], service="execute-api")

# What whoever works marks off needs.
SETTLED = ("MARKS#*", "ALERTS#*", "FEED#*", "INGEST#*", "PERMIT#*")
WRITE = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"]
SETTLER = {
    on(TABLE, READ + WRITE, *SETTLED),
    on(TABLE, READ, "SITES", "SITE#*", "SERIES#*"),
}
SETTLERS = ("ingest", "batch", "api", "ws-message", "settle")

# What a function that is fed from the stream needs for that.
FED = {
    on(STREAM, ["DescribeStream", "GetRecords", "GetShardIterator"]),
    on(STREAMS, ["ListStreams"]),
    on(QUEUE, ["SendMessage"], service="sqs"),
}

# By binary. Everything else is refused.
ALLOWED = {
    "ingest": SETTLER
    | {
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*"),
        on(TABLE, ["BatchWriteItem"], "SERIES#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*", "RATE#*"),
    },
    "batch": SETTLER
    | {
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*"),
        on(TABLE, ["BatchWriteItem"], "SERIES#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*"),
        on(TABLE, ["GetItem", "UpdateItem", "PutItem"], "SOURCE#*"),
        on(TABLE, [*READ, "UpdateItem"], "SOURCES"),
        on(BUCKET, ["ListBucket"], service="s3"),
        on((WAITING, DONE, REFUSED), ["GetObject"], service="s3"),
        on((WAITING,), ["GetObjectVersion"], service="s3"),
        on((WAITING,), ["PutObject", "ListMultipartUploadParts", "AbortMultipartUpload"], service="s3"),
        on((WAITING,), ["GetObjectTagging", "GetObjectVersionTagging"], service="s3"),
        on((DONE, REFUSED), ["PutObject", "PutObjectTagging"], service="s3"),
        on((WAITING,), ["DeleteObject"], service="s3"),
        on(QUEUE, ["SendMessage"], service="sqs"),
    },
    "upload": {
        on(TABLE, ["GetItem", "PutItem", "DeleteItem"], "UPLOAD#*"),
        on(TABLE, ["GetItem"], "SOURCE#*", "INGEST#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*", "RATE#*"),
        on((WAITING,), ["PutObject", "ListMultipartUploadParts", "AbortMultipartUpload"], service="s3"),
    },
    "chemistry": {
        on(TABLE, [*READ, "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"], "FITS", "FIT#*"),
        on(TABLE, READ, "SITE#*", "SERIES#*", "PERMIT#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*", "RATE#*"),
        on((ITSELF,), ["InvokeFunction"], service="lambda"),
        on(QUEUE, ["SendMessage"], service="sqs"),
    },
    "api": SETTLER
    | {
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*", "RATE#*"),
        on(TABLE, [*READ, "PutItem", "UpdateItem", "DeleteItem"], "SOURCES"),
        on(TABLE, ["GetItem"], "SOURCE#*"),
    },
    "health": {
        on(TABLE, ["GetItem"], "PING"),
    },
    "metrics": {
        on(TABLE, ["Query"], "COUNTERS#*"),
        on(INDEX, ["Query"], "OPEN"),
    },
    "dashboard": set(),
    "ws-connect": {
        on(TABLE, ["GetItem"], "FEED#*", "RATE#*"),
        on(TABLE, ["PutItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*", "RATE#*"),
    },
    "ws-disconnect": {
        on(TABLE, ["GetItem"], "CONNECTION#*"),
        on(TABLE, ["DeleteItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*"),
    },
    "ws-message": SETTLER
    | {
        on(TABLE, ["GetItem"], "CONNECTION#*", "DELIVERY#*"),
        on(TABLE, ["ConditionCheckItem"], "DELIVERY#*"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*", "SERIES#*", "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["DeleteItem"], "SERIES#*", "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "CONNECTION#*", "CONNECTIONS#*", "COUNTERS#*", "RATE#*"),
        PUSH,
    },
    "ws-broadcast": FED
    | {
        on(TABLE, READ, "DELIVERY#*", "CONNECTIONS#*"),
        on(TABLE, ["Query"], "FEED#*"),
        on(TABLE, ["PutItem"], "DELIVERY#*"),
        on(TABLE, ["DeleteItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "DELIVERY#*", "COUNTERS#*"),
        PUSH,
    },
    "settle": FED
    | SETTLER
    | {
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITE#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*"),
    },
}

LOGS = {"LOG_FORMAT", "LOG_LEVEL"}
API = {"OW_SC_TABLE", "OW_SC_API_TOKEN", "OW_SC_RL_PER_SEC", "OW_SC_CORS_ORIGINS"}
ENVIRONMENT = {
    "ingest": API | {"OW_SC_MAX_CSV_BYTES", "OW_SC_MAX_CSV_ROWS"},
    "batch": {
        "OW_SC_TABLE",
        "OW_SC_INBOX",
        "OW_SC_MAX_BATCH_BYTES",
        "OW_SC_SOURCE_HOSTS",
        "OW_SC_SOURCE_SECRETS",
    },
    "upload": API | {"OW_SC_INBOX", "OW_SC_MAX_BATCH_BYTES"},
    "chemistry": API,
    "api": API | {"OW_SC_SOURCE_HOSTS"},
    "health": {"OW_SC_TABLE", "OW_SC_CORS_ORIGINS"},
    "metrics": {"OW_SC_TABLE", "OW_SC_METRICS_PROTECT", "OW_SC_METRICS_TOKEN"},
    "dashboard": {"OW_SC_LIVE_URL", "OW_SC_UPLOAD_URL"},
    "ws-connect": API,
    "ws-disconnect": {"OW_SC_TABLE"},
    "ws-message": {"OW_SC_TABLE", "OW_SC_WS_MSGS_PER_SEC", "OW_SC_WS_MAX_MESSAGE_BYTES", "OW_SC_PUSH_URL"},
    "ws-broadcast": {"OW_SC_TABLE", "OW_SC_PUSH_URL"},
    "settle": {"OW_SC_TABLE"},
}

HTTP_ROUTES = {
    "/api/ingest": "ingest",
    "/api/ingests": "ingest",
    "/api/ingests/{id}": "ingest",
    "/api/ingests/{id}/resolution": "ingest",
    "/api/uploads": "upload",
    "/api/uploads/{id}": "upload",
    "/api/uploads/{id}/complete": "upload",
    "/api/uploads/{id}/parts/{part}": "upload",
    "/api/chemistry/models": "chemistry",
    "/api/chemistry/fit": "chemistry",
    "/api/chemistry/fit/{id}": "chemistry",
    "/api/{proxy+}": "api",
    "/docs": "api",
    "/docs/{proxy+}": "api",
    "/health": "health",
    "/livez": "health",
    "/readyz": "health",
    "/metrics": "metrics",
    "/$default": "dashboard",
}
LIVE_ROUTES = {"$connect": "ws-connect", "$disconnect": "ws-disconnect", "$default": "ws-message"}


def of_type(kind):
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def several(value):
    return value if isinstance(value, list) else [value]


def text(value):
    """An ARN as a text: `Logical.Attribute` for Fn::GetAtt, the template for Fn::Sub."""
    match value:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(template)} | str(template):
            return template
    raise AssertionError(f"an ARN in a form that this test does not know: {value}")


def ref(value):
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return name
    raise AssertionError(f"a reference is expected: {value}")


def binaries():
    """Functions by what they run: logical id and properties."""
    functions = of_type("AWS::Lambda::Function").items()
    return {f["Metadata"]["BuildProperties"]["Binary"]: (name, f["Properties"]) for name, f in functions}


FUNCTIONS = binaries()


def role_of(binary):
    return RESOURCES[ref(FUNCTIONS[binary][1]["Role"])]["Properties"]


def statements(binary):
    return [s for policy in role_of(binary)["Policies"] for s in policy["PolicyDocument"]["Statement"]]


def strings(value):
    """All texts in a value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [key, *strings(inner)]
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


class Permissions(unittest.TestCase):
    def test_each_function_may_do_exactly_what_it_does(self):
        for binary, allowed in ALLOWED.items():
            with self.subTest(binary):
                logs = ref(FUNCTIONS[binary][1]["LoggingConfig"]["LogGroup"])
                own = on((f"{logs}.Arn",), ["CreateLogStream", "PutLogEvents"], service="logs")
                found = [self.statement(s) for s in statements(binary)]
                self.assertCountEqual(found, allowed | {own})

    def statement(self, statement):
        self.assertEqual("Allow", statement["Effect"])
        self.assertLessEqual(statement.keys(), {"Sid", "Effect", "Action", "Resource", "Condition"})
        condition = statement.get("Condition", {})
        keys = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        if condition:
            self.assertEqual({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}, condition)
        resources = tuple(text(resource) for resource in several(statement["Resource"]))
        return frozenset(several(statement["Action"])), resources, frozenset(keys)

    def test_all_who_settle_may_do_the_same(self):
        for binary in SETTLERS:
            self.assertLessEqual(SETTLER, {self.statement(s) for s in statements(binary)}, binary)

    def test_nothing_is_wild_but_what_has_to_be(self):
        for binary in FUNCTIONS:
            for statement in statements(binary):
                for action in several(statement["Action"]):
                    self.assertRegex(action, r"^[a-z0-9-]+:[A-Za-z]+$", binary)
                for resource in map(text, several(statement["Resource"])):
                    self.assertTrue("*" not in resource or resource in WILDCARDS, f"{binary}: {resource}")

    def test_all_of_the_table_is_reached_by_partition_key_alone(self):
        for binary in FUNCTIONS:
            for statement in statements(binary):
                if {text(r) for r in several(statement["Resource"])} & {*TABLE, *INDEX}:
                    self.assertIn("Condition", statement, f"{binary}: {statement['Sid']}")

    def test_roles_are_one_to_a_function_and_have_nothing_else(self):
        roles = [ref(properties["Role"]) for _, properties in FUNCTIONS.values()]
        self.assertCountEqual(roles, of_type("AWS::IAM::Role"))
        for binary in FUNCTIONS:
            role = role_of(binary)
            self.assertEqual({"AssumeRolePolicyDocument", "Policies"}, role.keys(), binary)
            (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
            trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            self.assertEqual(trusted, trust)
        for kind in ("Policy", "ManagedPolicy", "RolePolicy", "User", "UserPolicy", "Group"):
            self.assertEqual({}, of_type(f"AWS::IAM::{kind}"))

    def test_keys_are_those_of_the_store(self):
        store = "\n".join(path.read_text() for path in (ROOT / "shared/table/src").rglob("*.rs"))
        for binary in FUNCTIONS:
            for statement in statements(binary):
                for key in self.statement(statement)[2]:
                    known = re.search(rf'"{re.escape(key.rstrip("*"))}["{{]', store)
                    self.assertTrue(known, f"{binary}: the store has no key {key}")


class Functions(unittest.TestCase):
    def test_every_folder_of_functions_is_deployed(self):
        folders = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
        self.assertEqual(folders, FUNCTIONS.keys())
        self.assertEqual(folders, ALLOWED.keys())

    def test_environments_hold_what_the_program_knows_and_uses(self):
        known = set(re.findall(r'"((?:OW_SC|LOG)_[A-Z_]+)"', (ROOT / "shared/web/src/config.rs").read_text()))
        for binary, (_, properties) in FUNCTIONS.items():
            variables = properties["Environment"]["Variables"].keys()
            self.assertEqual(ENVIRONMENT[binary] | LOGS, variables, binary)
            self.assertLessEqual(variables, known | {"OW_SC_PUSH_URL"}, binary)

    def test_functions_end_before_nobody_waits_any_more(self):
        for binary in HTTP_ROUTES.values():
            # What the first two record is worth finishing when nobody waits for the answer any more. The last one invokes
            # itself for what takes its time.
            most = {"ingest": 61, "api": 61, "chemistry": 901}.get(binary, 30)
            self.assertLess(FUNCTIONS[binary][1]["Timeout"], most, binary)
        for binary in LIVE_ROUTES.values():
            self.assertLess(FUNCTIONS[binary][1]["Timeout"], 29, binary)

    def test_processors_are_a_parameter(self):
        self.assertEqual("arm64", RENDERED["Parameters"]["Architecture"]["Default"])
        for binary, (_, properties) in FUNCTIONS.items():
            self.assertEqual([{"Ref": "Architecture"}], properties["Architectures"], binary)

    def test_every_log_group_forgets(self):
        groups = of_type("AWS::Logs::LogGroup")
        for binary, (_, properties) in FUNCTIONS.items():
            self.assertIn(ref(properties["LoggingConfig"]["LogGroup"]), groups, binary)
        for name, group in groups.items():
            self.assertEqual({"Ref": "LogRetentionDays"}, group["Properties"]["RetentionInDays"], name)


class Alarms(unittest.TestCase):
    def test_every_function_has_its_alarms(self):
        for binary, (function, _) in FUNCTIONS.items():
            for metric in ("Errors", "Throttles"):
                self.assertIn(("AWS/Lambda", metric, function), self.watched(), binary)

    def test_everything_else_has_its_alarm(self):
        for metric in (
            ("AWS/Lambda", "IteratorAge", "WsBroadcastFunction"),
            ("AWS/Lambda", "IteratorAge", "SettleFunction"),
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "GivenUp"),
            ("AWS/ApiGateway", "5xx", "HttpApi"),
            ("AWS/ApiGateway", "ExecutionError", "LiveApi"),
            ("AWS/ApiGateway", "IntegrationError", "LiveApi"),
            ("AWS/DynamoDB", "ReadThrottleEvents", "Table"),
            ("AWS/DynamoDB", "WriteThrottleEvents", "Table"),
            ("AWS/DynamoDB", "SystemErrors", "Table"),
        ):
            self.assertIn(metric, self.watched())

    def test_every_alarm_says_what_it_means_and_tells_somebody(self):
        for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
            properties = alarm["Properties"]
            self.assertTrue(properties["AlarmDescription"], name)
            self.assertEqual("notBreaching", properties["TreatMissingData"], name)
            for actions in ("AlarmActions", "OKActions"):
                self.assertEqual("Notify", properties[actions]["Fn::If"][0], name)

    def test_every_alarm_is_explained(self):
        explained = (ROOT / "docs/runbooks.md").read_text()
        for name in of_type("AWS::CloudWatch::Alarm"):
            general = re.sub(r"^(Ingest|Batch|Upload|Chemistry|Api|Health|Metrics|Dashboard|Settle|Ws[A-Z][a-z]+)(Errors|Throttles)$", r"…\2", name)
            # A heading and something to do: the page has a section of its own for each.
            self.assertRegex(explained, rf"(?m)^### {general}\n\n(?:.+\n)+\n1. .{{15}}")

    @staticmethod
    def watched():
        def metrics(properties):
            if "MetricName" in properties:
                yield properties
            for query in properties.get("Metrics", []):
                if "MetricStat" in query:
                    yield query["MetricStat"]["Metric"]

        alarms = of_type("AWS::CloudWatch::Alarm").values()
        found = [metric for alarm in alarms for metric in metrics(alarm["Properties"])]
        return {(m["Namespace"], m["MetricName"], ref(m["Dimensions"][0]["Value"])) for m in found}


class Apis(unittest.TestCase):
    def test_http_routes_reach_their_functions(self):
        paths = RESOURCES["HttpApi"]["Properties"]["Body"]["paths"]
        self.assertEqual(HTTP_ROUTES.keys(), paths.keys())
        for path, binary in HTTP_ROUTES.items():
            integration = paths[path]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            self.assertEqual("2.0", integration["payloadFormatVersion"], path)
            self.assertIn(f"functions/${{{FUNCTIONS[binary][0]}.Arn}}/", text(integration["uri"]), path)
            below = path.replace("{proxy+}", "*").replace("{id}", "*").replace("{part}", "*")
            source = "/*" if path == "/$default" else f"/*{below}"
            self.assertTrue(any(arn.endswith(source) for arn in self.callers(binary)), path)

    def test_live_routes_reach_their_functions(self):
        routes = {r["Properties"]["RouteKey"]: r["Properties"] for r in of_type("AWS::ApiGatewayV2::Route").values()}
        self.assertEqual(LIVE_ROUTES.keys(), routes.keys())
        for key, binary in LIVE_ROUTES.items():
            target = ref(routes[key]["Target"]["Fn::Join"][1][1])
            integration = RESOURCES[target]["Properties"]
            self.assertEqual("AWS_PROXY", integration["IntegrationType"])
            self.assertEqual(FUNCTIONS[binary][0], ref(integration["IntegrationUri"]["Fn::Sub"][1]["FunctionArn"]))
            self.assertTrue(all(arn.endswith(f":${{LiveApi.ApiId}}/ws/{key}") for arn in self.callers(binary)), key)
            self.assertEqual(1, len(self.callers(binary)), key)

    def test_nobody_else_may_call_functions(self):
        for name, permission in of_type("AWS::Lambda::Permission").items():
            properties = permission["Properties"]
            by_events = {"SettleFunctionSweepPermission", "BatchFunctionObjectPermission"}
            by_events |= {"BatchFunctionSweepPermission", "ChemistryFunctionSweepPermission"}
            caller = "events.amazonaws.com" if name in by_events else "apigateway.amazonaws.com"
            self.assertEqual(caller, properties["Principal"], name)
            self.assertEqual("lambda:InvokeFunction", properties["Action"], name)
        self.assertEqual([], self.callers("ws-broadcast"))
        self.assertEqual(["SettleFunctionSweep.Arn"], self.callers("settle"))
        self.assertCountEqual(["BatchFunctionObject.Arn", "BatchFunctionSweep.Arn"], self.callers("batch"))

    def test_stages_follow_their_routes_and_are_throttled(self):
        stages = of_type("AWS::ApiGatewayV2::Stage").values()
        self.assertEqual(2, len(stages))
        for stage in stages:
            properties = stage["Properties"]
            self.assertTrue(properties["AutoDeploy"])
            for setting in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
                self.assertIn(setting, properties["DefaultRouteSettings"])
        (live,) = [stage for stage in stages if stage["Properties"]["StageName"] == "ws"]
        self.assertEqual(of_type("AWS::ApiGatewayV2::Route").keys(), set(live["DependsOn"]))

    def test_access_logs_leave_queries_out(self):
        (stage,) = [s for s in of_type("AWS::ApiGatewayV2::Stage").values() if s["Properties"]["StageName"] != "ws"]
        log = stage["Properties"]["AccessLogSettings"]
        self.assertIn(ref(log["DestinationArn"]), of_type("AWS::Logs::LogGroup"))
        self.assertNotRegex(log["Format"], r"querystring|rawQuery|authorization|\n")

    @staticmethod
    def callers(binary):
        def arn(source):
            match source:
                case {"Fn::Sub": [template, _]}:
                    return template
            return text(source)

        permissions = [p["Properties"] for p in of_type("AWS::Lambda::Permission").values()]
        own = [p for p in permissions if ref(p["FunctionName"]) == FUNCTIONS[binary][0]]
        return [arn(p["SourceArn"]) for p in own]


def mappings():
    """What feeds functions from the stream, by binary."""
    found = [m["Properties"] for m in of_type("AWS::Lambda::EventSourceMapping").values()]
    names = {name: binary for binary, (name, _) in FUNCTIONS.items()}
    return {names[ref(mapping["FunctionName"])]: mapping for mapping in found}


class Stream(unittest.TestCase):
    def test_two_functions_read_it_and_no_more(self):
        # DynamoDB serves two readers of a shard; a third would have all of them throttled.
        self.assertEqual({"ws-broadcast", "settle"}, mappings().keys())
        self.assertEqual(2, len(of_type("AWS::Lambda::EventSourceMapping")))

    def test_only_events_of_the_feed_reach_broadcast_in_order(self):
        mapping = mappings()["ws-broadcast"]
        self.assertEqual({("FEED#", "E#")}, self.wanted(mapping))
        # Lambda keeps the order of changes of one item when it hands over several batches of a shard at a time, and
        # the events of a site are many items.
        self.assertEqual(1, mapping["ParallelizationFactor"])

    def test_only_new_marks_reach_settle(self):
        mapping = mappings()["settle"]
        # The lease is written each second by the settlers themselves: one that woke them would never let them rest.
        self.assertEqual({("MARKS#", kind) for kind in ("F#", "K#", "M#")}, self.wanted(mapping))
        self.assertEqual(0, mapping["MaximumBatchingWindowInSeconds"])
        self.assertTrue(mapping["BisectBatchOnFunctionError"])

    def test_what_fails_is_tried_again_and_noticed(self):
        for binary, mapping in mappings().items():
            self.assertEqual("Table.StreamArn", text(mapping["EventSourceArn"]), binary)
            self.assertEqual(["ReportBatchItemFailures"], mapping["FunctionResponseTypes"], binary)
            self.assertEqual("TRIM_HORIZON", mapping["StartingPosition"], binary)
            self.assertGreater(mapping["MaximumRetryAttempts"], 0, binary)
            self.assertGreater(mapping["MaximumRecordAgeInSeconds"], 0, binary)
            self.assertEqual("GivenUp.Arn", text(mapping["DestinationConfig"]["OnFailure"]["Destination"]), binary)
        self.assertTrue(RESOURCES["GivenUp"]["Properties"]["SqsManagedSseEnabled"])

    def wanted(self, mapping):
        """What the mapping's filter lets through: new items, by the beginnings of their keys."""
        (filter,) = mapping["FilterCriteria"]["Filters"]
        pattern = json.loads(filter["Pattern"])
        keys = pattern["dynamodb"]["Keys"]
        self.assertEqual({"eventName": ["INSERT"], "dynamodb": {"Keys": keys}}, pattern)
        self.assertEqual({"pk", "sk"}, keys.keys())
        partitions, sorts = ([rule["prefix"] for rule in keys[name]["S"]] for name in ("pk", "sk"))
        return {(partition, sort) for partition in partitions for sort in sorts}


class Schedules(unittest.TestCase):
    def test_marks_and_files_are_swept_every_minute(self):
        for binary, name in (("settle", "SettleFunctionSweep"), ("batch", "BatchFunctionSweep")):
            properties = RESOURCES[name]["Properties"]
            self.assertEqual("rate(1 minute)", properties["ScheduleExpression"])
            self.assertEqual("ENABLED", properties.get("State", "ENABLED"))
            (target,) = properties["Targets"]
            self.assertEqual(FUNCTIONS[binary][0], ref(target["Arn"]))
            self.assertNotIn("Input", target)

    def test_fits_that_were_left_are_found(self):
        properties = RESOURCES["ChemistryFunctionSweep"]["Properties"]
        self.assertEqual("rate(5 minutes)", properties["ScheduleExpression"])
        (target,) = properties["Targets"]
        self.assertEqual(FUNCTIONS["chemistry"][0], ref(target["Arn"]))
        self.assertEqual('{"sweep": {}}', target["Input"])

    def test_objects_in_the_inbox_and_no_others_tell_of_themselves(self):
        properties = RESOURCES["BatchFunctionObject"]["Properties"]
        detail = {"bucket": {"name": [{"Ref": "Inbox"}]}, "object": {"key": [{"prefix": "inbox/"}]}}
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
        self.assertEqual(pattern, properties["EventPattern"])
        (target,) = properties["Targets"]
        self.assertEqual(FUNCTIONS["batch"][0], ref(target["Arn"]))
        bridge = RESOURCES["Inbox"]["Properties"]["NotificationConfiguration"]["EventBridgeConfiguration"]
        self.assertTrue(bridge["EventBridgeEnabled"])

    def test_rates_are_in_words_that_aws_takes(self):
        # No linter finds `rate(5 minute)`.
        for name, rule in of_type("AWS::Events::Rule").items():
            expression = rule["Properties"].get("ScheduleExpression", "rate(1 minute)")
            self.assertRegex(expression, r"^rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)$", name)

    def test_a_sweep_that_failed_leaves_it_to_the_next(self):
        self.assertEqual({"settle", "batch", "chemistry"}, self.invoked().keys())
        self.assertEqual(0, self.invoked()["settle"]["MaximumRetryAttempts"])

    def test_files_and_fits_that_fail_are_tried_again_and_noticed(self):
        for binary in ("batch", "chemistry"):
            config = self.invoked()[binary]
            self.assertEqual(2, config["MaximumRetryAttempts"])
            self.assertEqual("GivenUp.Arn", text(config["DestinationConfig"]["OnFailure"]["Destination"]))

    @staticmethod
    def invoked():
        """How functions are invoked that nobody waits for, by binary."""
        configs = [config["Properties"] for config in of_type("AWS::Lambda::EventInvokeConfig").values()]
        names = {name: binary for binary, (name, _) in FUNCTIONS.items()}
        return {names[ref(config["FunctionName"])]: config for config in configs}


class Storage(unittest.TestCase):
    def test_the_table_is_what_the_program_makes(self):
        table = RESOURCES["Table"]["Properties"]
        program = (ROOT / "shared/table/src/bootstrap.rs").read_text()
        self.assertEqual(["pk", "sk"], [key["AttributeName"] for key in table["KeySchema"]])
        (index,) = table["GlobalSecondaryIndexes"]
        names = [index["IndexName"], *[key["AttributeName"] for key in index["KeySchema"]]]
        self.assertEqual(names, re.findall(r'pub const GSI\w*: &str = "(\w+)"', program))
        self.assertEqual("KEYS_ONLY", index["Projection"]["ProjectionType"])
        self.assertEqual("NEW_IMAGE", table["StreamSpecification"]["StreamViewType"])
        self.assertEqual({"AttributeName": "ttl", "Enabled": True}, table["TimeToLiveSpecification"])
        self.assertEqual("PAY_PER_REQUEST", table["BillingMode"])
        self.assertNotIn("TableName", table)

    def test_readings_are_protected(self):
        table = RESOURCES["Table"]
        self.assertEqual(("Retain", "Retain"), (table["DeletionPolicy"], table["UpdateReplacePolicy"]))
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        self.assertEqual({"Ref": "PointInTimeRecovery"}, recovery)
        self.assertEqual({"Ref": "DeletionProtection"}, table["Properties"]["DeletionProtectionEnabled"])
        self.assertTrue(table["Properties"]["SSESpecification"]["SSEEnabled"])
        for parameter in ("PointInTimeRecovery", "DeletionProtection"):
            self.assertEqual("true", RENDERED["Parameters"][parameter]["Default"])


    def test_originals_are_protected_and_stay(self):
        bucket = RESOURCES["Inbox"]
        self.assertEqual(("Retain", "Retain"), (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]))
        properties = bucket["Properties"]
        self.assertEqual("Enabled", properties["VersioningConfiguration"]["Status"])
        self.assertEqual({True}, set(properties["PublicAccessBlockConfiguration"].values()))
        self.assertEqual([{"ObjectOwnership": "BucketOwnerEnforced"}], properties["OwnershipControls"]["Rules"])
        (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        self.assertEqual("AES256", encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"])
        for rule in properties["LifecycleConfiguration"]["Rules"]:
            # What is current is never deleted.
            self.assertFalse({"ExpirationInDays", "ExpirationDate"} & rule.keys(), rule["Id"])
            if rule["Prefix"] != "inbox/":
                self.assertNotIn("NoncurrentVersionExpiration", rule)
        self.assertNotIn("BucketName", properties)
        (statement,) = RESOURCES["InboxPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        self.assertEqual("Deny", statement["Effect"])
        self.assertEqual({"Bool": {"aws:SecureTransport": "false"}}, statement["Condition"])


class Secrets(unittest.TestCase):
    HOLDERS = {"OW_SC_API_TOKEN": {"ingest", "upload", "chemistry", "api", "ws-connect"}, "OW_SC_METRICS_TOKEN": {"metrics"}}

    def test_tokens_are_references_and_only_where_they_are_compared(self):
        for name, holders in self.HOLDERS.items():
            found = {}
            for binary, (_, properties) in FUNCTIONS.items():
                if name in properties["Environment"]["Variables"]:
                    found[binary] = properties["Environment"]["Variables"][name]["Fn::Sub"][0]
            self.assertEqual(holders, found.keys())
            version = {"OW_SC_API_TOKEN": "ApiTokenVersion", "OW_SC_METRICS_TOKEN": "MetricsTokenVersion"}[name]
            reference = "{{resolve:secretsmanager:${Arn}:SecretString:token::${" + version + "}}}"
            self.assertEqual({reference}, set(found.values()))
        resolved = [text for text in strings(RENDERED) if "{{resolve:" in text]
        # One more: what is sent to sources, where there is something.
        self.assertEqual(sum(map(len, self.HOLDERS.values())) + 1, len(resolved))
        sent = FUNCTIONS["batch"][1]["Environment"]["Variables"]["OW_SC_SOURCE_SECRETS"]["Fn::If"]
        reference = "{{resolve:secretsmanager:${SourceSecretArn}:SecretString:::${SourceSecretVersion}}}"
        self.assertEqual(["HasSourceSecret", {"Fn::Sub": reference}, ""], sent)

    def test_parameters_and_outputs_hold_no_secret(self):
        for name, parameter in RENDERED["Parameters"].items():
            if re.search("token|secret|password", name, re.IGNORECASE):
                self.assertEqual("", parameter["Default"], name)
                self.assertRegex(name, "(SecretArn|Version)$")
        for name, output in RENDERED["Outputs"].items():
            for part in strings(output["Value"]):
                self.assertNotIn("resolve:", part, name)
                self.assertNotRegex(part, "SecretString|TokenVersion", name)

    def test_tokens_are_made_if_none_is_given(self):
        secrets = of_type("AWS::SecretsManager::Secret")
        self.assertEqual({"ApiToken", "MetricsToken"}, secrets.keys())
        for name, secret in secrets.items():
            self.assertEqual(f"Make{name}", secret["Condition"])
            made = secret["Properties"]["GenerateSecretString"]
            self.assertNotIn("SecretString", secret["Properties"])
            # 43 letters and digits are 256 bits; other characters may not stand in a WebSocket subprotocol's name.
            self.assertEqual((43, True), (made["PasswordLength"], made["ExcludePunctuation"]))
            self.assertEqual("token", made["GenerateStringKey"])


class Source(unittest.TestCase):
    def test_no_policy_is_left_to_sam(self):
        for name, resource in source()["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                self.assertIn("Role", resource["Properties"], name)
                self.assertFalse({"Policies", "Connectors", "VpcConfig", "Tracing"} & resource["Properties"].keys())


if __name__ == "__main__":
    unittest.main()
