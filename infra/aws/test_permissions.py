"""Permissions: exactly what each function does, and nothing else."""

import re
import unittest

from rendered import FUNCTIONS, RENDERED, RESOURCES, ROOT, of_type, parts, ref, role_of, several, statements, text

TABLE = ("Table.Arn",)
INDEX = ("${Table.Arn}/index/gsi",)
STREAM = ("Table.StreamArn",)
STREAMS = ("${Table.Arn}/stream/*",)
QUEUE = ("GivenUp.Arn",)
POST, DELETE, GET = (
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${LiveApi}/ws/" + method + "/@connections/*"
    for method in ("POST", "DELETE", "GET")
)
BUCKET = ("Inbox.Arn",)
WAITING, DONE, REFUSED = (f"${{Inbox.Arn}}/{folder}/*" for folder in ("inbox", "done", "refused"))
# Resources that cannot be narrower: API Gateway makes up the ids of connections, a stream's label is a time, clients
# choose the names of objects, and a function's own name ends in a part made up by CloudFormation.
ITSELF = (
    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-ChemistryFunction*"
)
WILDCARDS = {POST, DELETE, GET, *STREAMS, WAITING, DONE, REFUSED, ITSELF}

READ = ["GetItem", "Query"]


def on(resources, actions, *keys, service="dynamodb"):
    """A statement: what is allowed, on what, and for which partition keys."""
    return frozenset(f"{service}:{action}" for action in actions), resources, frozenset(keys)


PUSH = on((POST, DELETE), ["ManageConnections"], service="execute-api")

# Needed to settle marks.
SETTLED = ("MARKS#*", "ALERTS#*", "FEED#*", "INGEST#*", "PERMIT#*")
WRITE = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"]
SETTLER = {
    on(TABLE, READ + WRITE, *SETTLED),
    on(TABLE, READ, "SITES", "REMOVED", "SITE#*", "SERIES#*"),
}
# What creating sites needs to count them, and what removing a site needs.
CENSUS = on(TABLE, ["GetItem", "UpdateItem"], "CENSUS")
REMOVER = {
    on(TABLE, ["DeleteItem"], "SITES", "SITE#*", "SERIES#*"),
    on(TABLE, ["UpdateItem"], "REMOVED"),
}
SETTLERS = ("ingest", "batch", "api", "ws-message", "settle")

# Needed by a function that is fed from the stream.
FED = {
    on(STREAM, ["DescribeStream", "GetRecords", "GetShardIterator"]),
    on(STREAMS, ["ListStreams"]),
    on(QUEUE, ["SendMessage"], service="sqs"),
}

# By binary. Everything else is refused.
ALLOWED = {
    "ingest": SETTLER
    | {
        CENSUS,
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*"),
        on(TABLE, ["BatchWriteItem"], "SERIES#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*", "RATE#*"),
    },
    "batch": SETTLER
    | {
        CENSUS,
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
    | REMOVER
    | {
        CENSUS,
        on(TABLE, ["PutItem"], "REMOVED"),
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
        on(INDEX, ["Query"], "OPEN", "CONNECTED#*"),
    },
    "dashboard": set(),
    "ws-connect": {
        on(TABLE, ["GetItem"], "FEED#*"),
        on(TABLE, ["PutItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*", "RATE#*"),
    },
    "ws-disconnect": {
        on(TABLE, ["GetItem"], "CONNECTION#*"),
        on(INDEX, ["Query"], "CONNECTED#*"),
        on(TABLE, ["DeleteItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "COUNTERS#*"),
        on((GET,), ["ManageConnections"], service="execute-api"),
    },
    "ws-message": SETTLER
    | {
        CENSUS,
        on(TABLE, ["GetItem"], "CONNECTION#*", "DELIVERY#*"),
        on(TABLE, ["ConditionCheckItem"], "DELIVERY#*"),
        on(TABLE, ["PutItem"], "SITES", "SITE#*", "SERIES#*", "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["DeleteItem"], "SERIES#*", "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "CONNECTION#*", "CONNECTIONS#*", "COUNTERS#*", "RATE#*"),
        PUSH,
    },
    "ws-broadcast": FED
    | {
        on(TABLE, READ, "DELIVERY#*", "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["Query"], "FEED#*"),
        on(TABLE, ["PutItem"], "DELIVERY#*"),
        on(TABLE, ["DeleteItem"], "CONNECTION#*", "CONNECTIONS#*"),
        on(TABLE, ["UpdateItem"], "DELIVERY#*", "COUNTERS#*"),
        PUSH,
    },
    "settle": FED
    | SETTLER
    | REMOVER
    | {
        on(INDEX, ["Query"], "LEDGER", "OPEN"),
        on(TABLE, ["PutItem"], "SITE#*"),
        on(TABLE, ["UpdateItem"], "SITES", "COUNTERS#*"),
    },
}

# In every role.
EVERYBODY = {on(("FunctionLogs.Arn",), ["CreateLogStream", "PutLogEvents"], service="logs")}
# In every role while invocations are traced.
TRACING = on(("*",), ["PutTraceSegments", "PutTelemetryRecords"], service="xray")


def always(binary):
    """What a function may do, whatever the parameters."""
    return [statement for statement in statements(binary) if "Fn::If" not in statement]


class Permissions(unittest.TestCase):
    def test_every_function_is_listed(self):
        self.assertEqual(ALLOWED.keys(), FUNCTIONS.keys())

    def test_each_function_may_do_exactly_what_it_does(self):
        for binary, allowed in ALLOWED.items():
            with self.subTest(binary):
                self.assertCountEqual([self.statement(s) for s in always(binary)], allowed | EVERYBODY)

    def statement(self, statement):
        self.assertEqual("Allow", statement["Effect"])
        self.assertLessEqual(statement.keys(), {"Sid", "Effect", "Action", "Resource", "Condition"})
        actions, resources, keys = parts(statement)
        if condition := statement.get("Condition"):
            self.assertEqual({"ForAllValues:StringLike"}, condition.keys())
            self.assertEqual({"dynamodb:LeadingKeys"}, condition["ForAllValues:StringLike"].keys())
        return actions, resources, keys

    def test_traces_may_be_written_while_there_are_some(self):
        self.assertEqual({"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}, RENDERED["Conditions"]["Trace"])
        for binary, (_, properties) in FUNCTIONS.items():
            (choice,) = [statement["Fn::If"] for statement in statements(binary) if "Fn::If" in statement]
            condition, then, otherwise = choice
            self.assertEqual(("Trace", {"Ref": "AWS::NoValue"}), (condition, otherwise), binary)
            self.assertEqual(TRACING, self.statement(then), binary)
            self.assertEqual({"Mode": {"Ref": "Tracing"}}, properties["TracingConfig"], binary)

    def test_all_who_settle_may_do_the_same(self):
        for binary in SETTLERS:
            self.assertLessEqual(SETTLER, {self.statement(s) for s in always(binary)}, binary)

    def test_nothing_is_wild_but_what_has_to_be(self):
        for binary in FUNCTIONS:
            for statement in always(binary):
                for action in several(statement["Action"]):
                    self.assertRegex(action, r"^[a-z0-9-]+:[A-Za-z]+$", binary)
                for resource in map(text, several(statement["Resource"])):
                    self.assertTrue("*" not in resource or resource in WILDCARDS, f"{binary}: {resource}")

    def test_all_of_the_table_is_reached_by_partition_key_alone(self):
        for binary in FUNCTIONS:
            for statement in always(binary):
                if {text(r) for r in several(statement["Resource"])} & {*TABLE, *INDEX}:
                    self.assertIn("Condition", statement, f"{binary}: {statement['Sid']}")

    def test_roles_are_one_to_a_function_and_have_nothing_else(self):
        roles = [ref(properties["Role"]) for _, properties in FUNCTIONS.values()]
        self.assertCountEqual([*roles, "ProbeRole"], of_type("AWS::IAM::Role"))
        for binary in FUNCTIONS:
            role = role_of(binary)
            self.assertEqual({"AssumeRolePolicyDocument", "Policies"}, role.keys(), binary)
            self.assertEqual("lambda.amazonaws.com", self.trusted(role), binary)
        for kind in ("Policy", "ManagedPolicy", "RolePolicy", "User", "UserPolicy", "Group"):
            self.assertEqual({}, of_type(f"AWS::IAM::{kind}"))

    def trusted(self, role):
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = trust["Principal"]["Service"]
        self.assertEqual({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}, trust)
        return service

    def test_the_probe_may_ask_and_no_more(self):
        role = RESOURCES["ProbeRole"]["Properties"]
        self.assertEqual({"AssumeRolePolicyDocument", "Policies"}, role.keys())
        self.assertEqual("events.amazonaws.com", self.trusted(role))
        (policy,) = role["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        asks = on(("ProbeDestination.Arn",), ["InvokeApiDestination"], service="events")
        self.assertEqual(asks, self.statement(statement))

    def test_keys_are_those_of_the_store(self):
        store = "\n".join(path.read_text() for path in (ROOT / "shared/table/src").rglob("*.rs"))
        for binary in FUNCTIONS:
            for statement in always(binary):
                for key in parts(statement)[2]:
                    known = re.search(rf'"{re.escape(key.rstrip("*"))}["{{]', store)
                    self.assertTrue(known, f"{binary}: the store has no key {key}")


if __name__ == "__main__":
    unittest.main()
