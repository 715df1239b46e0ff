"""Triggers of functions: the stream, schedules and objects in the inbox."""

import json
import unittest

from rendered import FUNCTIONS, RESOURCES, of_type, ref, text


def mappings():
    """The stream mappings of functions, by binary."""
    found = [m["Properties"] for m in of_type("AWS::Lambda::EventSourceMapping").values()]
    names = {name: binary for binary, (name, _) in FUNCTIONS.items()}
    return {names[ref(mapping["FunctionName"])]: mapping for mapping in found}


class Stream(unittest.TestCase):
    def test_two_functions_read_it_and_no_more(self):
        # DynamoDB serves two readers of a shard; a third would get all of them throttled.
        self.assertEqual({"ws-broadcast", "settle"}, mappings().keys())
        self.assertEqual(2, len(of_type("AWS::Lambda::EventSourceMapping")))

    def test_only_events_of_the_feed_reach_broadcast_in_order(self):
        mapping = mappings()["ws-broadcast"]
        self.assertEqual({("FEED#", "E#")}, self.wanted(mapping))
        # With several batches of a shard at a time, Lambda keeps only the order of changes of one item, but a site's
        # events are many items.
        self.assertEqual(1, mapping["ParallelizationFactor"])

    def test_only_new_marks_reach_settle(self):
        mapping = mappings()["settle"]
        # Settlers write the lease each second: if it triggered them, they would never rest.
        self.assertEqual({("MARKS#", kind) for kind in ("F#", "K#", "M#", "R#")}, self.wanted(mapping))
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
        """What the mapping's filter lets through: new items, by key prefix."""
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

    def test_connections_that_ended_without_a_word_are_found(self):
        properties = RESOURCES["WsDisconnectFunctionSweep"]["Properties"]
        self.assertEqual("rate(10 minutes)", properties["ScheduleExpression"])
        (target,) = properties["Targets"]
        self.assertEqual(FUNCTIONS["ws-disconnect"][0], ref(target["Arn"]))
        self.assertNotIn("Input", target)

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
        # No linter detects `rate(5 minute)`.
        for name, rule in of_type("AWS::Events::Rule").items():
            expression = rule["Properties"].get("ScheduleExpression", "rate(1 minute)")
            self.assertRegex(expression, r"^rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)$", name)

    def test_a_sweep_that_failed_leaves_it_to_the_next(self):
        self.assertEqual({"settle", "batch", "chemistry", "ws-disconnect"}, self.invoked().keys())
        for binary in ("settle", "ws-disconnect"):
            self.assertEqual(0, self.invoked()[binary]["MaximumRetryAttempts"])

    def test_files_and_fits_that_fail_are_tried_again_and_noticed(self):
        for binary in ("batch", "chemistry"):
            config = self.invoked()[binary]
            self.assertEqual(2, config["MaximumRetryAttempts"])
            self.assertEqual("GivenUp.Arn", text(config["DestinationConfig"]["OnFailure"]["Destination"]))

    @staticmethod
    def invoked():
        """How asynchronous invocations are configured, by binary."""
        configs = [config["Properties"] for config in of_type("AWS::Lambda::EventInvokeConfig").values()]
        names = {name: binary for binary, (name, _) in FUNCTIONS.items()}
        return {names[ref(config["FunctionName"])]: config for config in configs}


if __name__ == "__main__":
    unittest.main()
