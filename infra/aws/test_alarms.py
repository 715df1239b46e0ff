"""Alarms: no failure goes unnoticed, each is reported once, and there is a runbook for it."""

import re
import unittest

from patterns import matches
from rendered import FUNCTIONS, RENDERED, RESOURCES, ROOT, of_type, ref

ALARMS = {name: alarm["Properties"] for name, alarm in of_type("AWS::CloudWatch::Alarm").items()}
FILTERS = {name: filter["Properties"] for name, filter in of_type("AWS::Logs::MetricFilter").items()}

# The metrics and their thresholds; one of the first kind is enough.
AT_ONCE = {
    "FunctionErrors",
    "FunctionThrottles",
    "LostReadings",
    "FailedFiles",
    "RefusedFiles",
    "FailedBatchItems",
    "LoggedErrors",
    "GivenUpMessages",
    "HttpApi5xx",
    "LiveApiExecutionErrors",
}
BEYOND = {
    "LiveApiIntegrationErrors": 50,
    "TableThrottles": 100,
    "TableErrors": 20,
    "WsBroadcastAge": 60_000,
    "SettleAge": 300_000,
    "ProbeFailures": 1,
}


def queries(alarm):
    """The texts of an alarm's expressions, with the names they refer to."""
    for query in ALARMS[alarm].get("Metrics", []):
        match query.get("Expression"):
            case {"Fn::Join": ["", parts]}:
                yield "".join(part["Fn::Sub"] if isinstance(part, dict) else part for part in parts)
            case {"Fn::Sub": str(text)} | str(text):
                yield text


def logged_at(level):
    """The messages that the functions' crates log at a level."""
    sources = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("src/**/*.rs")]
    code = "\n".join(path.read_text() for path in sources)
    return set(re.findall(rf'tracing::{level}!\([^";]*"([^"]+)"', code))


class Watched(unittest.TestCase):
    def test_every_function_is_in_both_queries(self):
        for alarm, metric in (("FunctionErrors", "Errors"), ("FunctionThrottles", "Throttles")):
            (query,) = queries(alarm)
            form = re.fullmatch(
                rf'SELECT SUM\({metric}\) FROM SCHEMA\("AWS/Lambda", FunctionName\) WHERE (.*)'
                r" GROUP BY FunctionName ORDER BY SUM\(\) DESC",
                query,
            )
            self.assertTrue(form, query)
            named = [re.fullmatch(r"FunctionName = '\$\{(\w+)\}'", part)[1] for part in form[1].split(" OR ")]
            self.assertCountEqual([name for name, _ in FUNCTIONS.values()], named)
            # A name has 64 letters at most, a query 2,048.
            self.assertLessEqual(len(re.sub(r"\$\{\w+\}", "x" * 64, query)), 2048)

    def test_everything_else_has_its_alarm(self):
        for metric in (
            ("AWS/Lambda", "IteratorAge", "WsBroadcastFunction"),
            ("AWS/Lambda", "IteratorAge", "SettleFunction"),
            ("AWS/Lambda", "Invocations", "SettleFunction"),
            ("AWS/Lambda", "Invocations", "BatchFunction"),
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "GivenUp"),
            ("AWS/ApiGateway", "5xx", "HttpApi"),
            ("AWS/ApiGateway", "ExecutionError", "LiveApi"),
            ("AWS/ApiGateway", "IntegrationError", "LiveApi"),
            ("AWS/DynamoDB", "ReadThrottleEvents", "Table"),
            ("AWS/DynamoDB", "WriteThrottleEvents", "Table"),
            ("AWS/Events", "FailedInvocations", "ProbeRule"),
        ):
            self.assertIn(metric, self.watched())
        (query,) = queries("TableErrors")
        schema = 'FROM SCHEMA("AWS/DynamoDB", Operation, TableName)'
        self.assertEqual(f"SELECT SUM(SystemErrors) {schema} WHERE TableName = '${{Table}}'", query)

    @staticmethod
    def watched():
        found = [alarm for alarm in ALARMS.values() if "Dimensions" in alarm]
        for alarm in ALARMS.values():
            found += [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        return {(m["Namespace"], m["MetricName"], ref(m["Dimensions"][0]["Value"])) for m in found}

    def test_every_alarm_has_its_threshold(self):
        self.assertEqual({*AT_ONCE, *BEYOND, "SweepsStopped"}, ALARMS.keys())
        for name in ALARMS.keys() - {"SweepsStopped"}:
            alarm = ALARMS[name]
            self.assertEqual(BEYOND.get(name, 0), alarm["Threshold"], name)
            self.assertEqual("GreaterThanThreshold", alarm["ComparisonOperator"], name)
            self.assertEqual("notBreaching", alarm["TreatMissingData"], name)
            self.assertEqual(3 if name.endswith("Age") else 1, alarm["EvaluationPeriods"], name)

    def test_a_schedule_that_has_stopped_is_seen_although_nothing_fails(self):
        alarm = ALARMS["SweepsStopped"]
        self.assertEqual((1, "LessThanThreshold"), (alarm["Threshold"], alarm["ComparisonOperator"]))
        self.assertEqual("breaching", alarm["TreatMissingData"])
        (expression,) = queries("SweepsStopped")
        self.assertEqual("MIN([FILL(settle, 0), FILL(batch, 0)])", expression)
        self.assertEqual({900}, {query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query})

    def test_the_probe_asks_from_outside_when_it_is_wanted(self):
        self.assertEqual("false", RENDERED["Parameters"]["Probe"]["Default"])
        probe = {name: RESOURCES[name] for name in RESOURCES if name.startswith("Probe")}
        self.assertEqual({"Probe"}, {resource["Condition"] for resource in probe.values()})
        (target,) = probe["ProbeRule"]["Properties"]["Targets"]
        self.assertEqual("ProbeDestination", ref(target["Arn"]))
        self.assertEqual("ProbeRole", ref(target["RoleArn"]))
        # An event that is retried until it succeeds has not failed.
        self.assertEqual(0, target["RetryPolicy"]["MaximumRetryAttempts"])
        destination = probe["ProbeDestination"]["Properties"]
        self.assertEqual("GET", destination["HttpMethod"])
        condition, *addresses = destination["InvocationEndpoint"]["Fn::If"]
        self.assertEqual("HasDomain", condition)
        for address in addresses:
            self.assertRegex(address["Fn::Sub"], r"^https://.*[^/]/readyz$")


class Told(unittest.TestCase):
    def test_every_alarm_says_what_it_means_and_tells_somebody(self):
        for name, alarm in ALARMS.items():
            self.assertTrue(alarm["AlarmDescription"], name)
            for actions in ("AlarmActions", "OKActions"):
                condition, then, otherwise = alarm[actions]["Fn::If"]
                self.assertEqual(("Notify", {"Ref": "AWS::NoValue"}), (condition, otherwise), name)
                topics = ["MakeTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]
                self.assertEqual([{"Fn::If": topics}], then, name)

    def test_every_alarm_has_a_runbook(self):
        runbooks = (ROOT / "docs/runbooks.md").read_text().partition("\n## Alarms\n")[2]
        sections = dict(re.findall(r"(?ms)^### (\w+)\n\n(.+?)(?=^#|\Z)", runbooks))
        self.assertEqual(ALARMS.keys(), sections.keys())
        for name, section in sections.items():
            # The meaning, and steps.
            self.assertRegex(section, r"\A(?:.+\n)+\n1\. [A-Z].{15}", name)

    def test_runbooks_name_lines_that_are_logged(self):
        runbooks = (ROOT / "docs/runbooks.md").read_text().partition("\n## Alarms\n")[2]
        named = re.findall(r"(?:[Ll]ook for|^\d\.|, | and) `([a-z][a-z ,;]+ [a-z ,;]+)`", runbooks, re.MULTILINE)
        self.assertGreater(len(named), 6)
        logged = "\n".join(logged_at("error") | logged_at("warn") | logged_at("info"))
        for line in named:
            self.assertIn(line, logged)


class Filters(unittest.TestCase):
    """What functions report and answer for themselves, and how it is counted."""

    def line(self, message, level="ERROR", **fields):
        # In telemetry's format, as Lambda passes it on.
        return {"timestamp": "2026-11-28T04:05:41.556608Z", "level": level, "message": message, **fields}

    def counted(self, line, group="FunctionLogs"):
        """Which metrics count a line, and the amount."""
        counts = {}
        for filter in FILTERS.values():
            (metric,) = filter["MetricTransformations"]
            if ref(filter["LogGroupName"]) == group and matches(filter["FilterPattern"], line):
                value = metric["MetricValue"]
                counts[metric["MetricName"]] = line[value[2:]] if value.startswith("$.") else int(value)
        return counts

    def test_lines_have_their_fields_where_filters_look(self):
        logs = (ROOT / "shared/telemetry/src/logs.rs").read_text()
        self.assertIn("lines.json().flatten_event(true)", logs)

    def test_every_error_is_counted_by_one_alarm(self):
        messages = logged_at("error")
        self.assertGreater(len(messages), 12)
        for message in messages - {"request"}:
            self.assertEqual(1, len(self.counted(self.line(message, readings=2))), message)
        # Every answer with 5xx is an error with this message, counted by HttpApi5xx.
        self.assertIn("request", messages)
        self.assertEqual({}, self.counted(self.line("request", path="/api/ingest", status=503)))

    def test_lost_readings_are_counted_one_by_one(self):
        self.assertEqual({"LostReadings": 7}, self.counted(self.line("readings were not stored", readings=7)))

    def test_items_that_failed_are_told_apart_from_those_that_take_long(self):
        for what in ("events were not delivered", "marks were not settled"):
            again = f"{what}; the stream will retry"
            self.assertIn(again, logged_at("error"))
            self.assertEqual({"FailedBatchItems": 1}, self.counted(self.line(again)))
        slow = "ran out of time before all marks were settled; the stream will retry"
        self.assertIn(slow, logged_at("warn"))
        self.assertEqual({}, self.counted(self.line(slow, level="WARN")))

    def test_files_that_failed_and_those_that_are_refused_are_two_things(self):
        for metric, level, message in (
            ("FailedFiles", "error", "a file could not be read; a retry follows"),
            ("FailedFiles", "warn", "the recording of a file was interrupted; send the file again"),
            ("RefusedFiles", "warn", "a file is refused"),
            ("RefusedFiles", "warn", "no file came from a source"),
        ):
            self.assertIn(message, logged_at(level))
            self.assertEqual({metric: 1}, self.counted(self.line(message, level=level.upper())))

    def test_posts_of_files_that_nobody_answered_are_counted(self):
        answers = RESOURCES["HttpApi"]["Properties"], RESOURCES["HttpApiApiGatewayDefaultStage"]["Properties"]
        written = answers[1]["AccessLogSettings"]["Format"]
        for field, variable in (("method", "httpMethod"), ("path", "path"), ("status", "status")):
            self.assertIn(f'"{field}":"$context.{variable}"', written)
        for method, path, status, counts in (
            ("POST", "/api/ingest", "503", {"FailedFiles": 1}),
            ("POST", "/api/ingest", "500", {"FailedFiles": 1}),
            ("POST", "/api/uploads", "503", {"FailedFiles": 1}),
            ("POST", "/api/uploads/1/complete", "503", {"FailedFiles": 1}),
            ("POST", "/api/ingest", "422", {}),
            ("POST", "/api/ingest", "202", {}),
            ("GET", "/api/uploads/1", "503", {}),
            ("GET", "/api/ingests", "503", {}),
            ("POST", "/api/tokens", "503", {}),
        ):
            line = {"method": method, "path": path, "status": status}
            self.assertEqual(counts, self.counted(line, "HttpApiLogs"), line)

    def test_what_is_usual_is_not_counted(self):
        for level in ("WARN", "INFO"):
            self.assertEqual({}, self.counted(self.line("request", level=level, status=404)))
        self.assertEqual({}, self.counted({"type": "platform.report", "record": {"status": "success"}}))

    def test_every_metric_that_is_counted_has_an_alarm(self):
        namespace = {"Fn::Sub": "owsc/${AWS::StackName}"}
        counted = set()
        for name, filter in FILTERS.items():
            self.assertLessEqual(len(filter["FilterPattern"]), 1024, name)
            for metric in filter["MetricTransformations"]:
                self.assertEqual(namespace, metric["MetricNamespace"], name)
                counted.add(metric["MetricName"])
        own = {name: alarm for name, alarm in ALARMS.items() if alarm.get("Namespace") == namespace}
        self.assertEqual(counted, own.keys())
        for name, alarm in own.items():
            self.assertEqual((name, "Sum", 300), (alarm["MetricName"], alarm["Statistic"], alarm["Period"]))


if __name__ == "__main__":
    unittest.main()
