"""The cost of floods and mistakes: route throttles, a maximum for the table, a budget."""

import unittest

from rendered import HTTP_ROUTES, LIVE_ROUTES, RENDERED, RESOURCES, of_type

PARAMETERS = RENDERED["Parameters"]
# Routes open to clients without a token. The page itself is small, and many screens load it at once, so it has the
# default.
OPEN = {"/docs", "/docs/{proxy+}", "/health", "/livez", "/readyz", "/metrics"}
# Routes that use a processor for seconds.
DEAR = {"/api/ingest", "/api/uploads", "/api/chemistry/fit"}


def stages():
    """The stages' properties, by name."""
    found = [stage["Properties"] for stage in of_type("AWS::ApiGatewayV2::Stage").values()]
    return {stage["StageName"]: stage for stage in found}


class Throttles(unittest.TestCase):
    def test_all_routes_of_both_stages_are_throttled(self):
        for stage, kind in (("$default", "Http"), ("ws", "Live")):
            rate, burst = f"{kind}Rate", f"{kind}Burst"
            settings = {"ThrottlingRateLimit": {"Ref": rate}, "ThrottlingBurstLimit": {"Ref": burst}}
            self.assertEqual(settings, stages()[stage]["DefaultRouteSettings"])
            # One API takes a part of an account's 10,000.
            self.assertLess(PARAMETERS[rate]["Default"], 10_000)

    def test_routes_that_are_open_or_dear_have_less(self):
        settings = stages()["$default"]["RouteSettings"]
        self.assertEqual({f"ANY {path}" for path in OPEN | DEAR}, settings.keys())
        self.assertLessEqual(OPEN | DEAR, HTTP_ROUTES.keys())
        for route, setting in settings.items():
            self.assertLess(setting["ThrottlingRateLimit"], PARAMETERS["HttpRate"]["Default"], route)
            self.assertLess(setting["ThrottlingBurstLimit"], PARAMETERS["HttpBurst"]["Default"], route)

    def test_new_connections_have_less_than_the_account(self):
        settings = stages()["ws"]["RouteSettings"]
        self.assertEqual({"$connect"}, settings.keys() & LIVE_ROUTES.keys())
        self.assertLess(settings["$connect"]["ThrottlingRateLimit"], 500)

    def test_settings_of_routes_are_numbers(self):
        # CloudFormation knows no types there: even a number parameter would reach API Gateway as text.
        for stage in stages().values():
            for route, settings in stage["RouteSettings"].items():
                self.assertEqual({"ThrottlingRateLimit", "ThrottlingBurstLimit"}, settings.keys(), route)
                self.assertEqual({int}, set(map(type, settings.values())), route)

    def test_a_warning_does_not_undo_a_deployment(self):
        # Routes are checked in test_apis.
        self.assertNotIn("FailOnWarnings", RESOURCES["HttpApi"]["Properties"])


class Table(unittest.TestCase):
    def test_it_has_a_most_if_one_is_set(self):
        nothing = {"Ref": "AWS::NoValue"}
        reads, writes = (
            {"Fn::If": [condition, {"Ref": parameter}, nothing]}
            for condition, parameter in (("CapReads", "MaxReadUnits"), ("CapWrites", "MaxWriteUnits"))
        )
        most = {"Fn::If": ["Cap", {"MaxReadRequestUnits": reads, "MaxWriteRequestUnits": writes}, nothing]}
        table = RESOURCES["Table"]["Properties"]
        self.assertEqual(most, table["OnDemandThroughput"])
        # The index has its own maximum, and a table that waits for its index gains nothing.
        self.assertEqual(most, table["GlobalSecondaryIndexes"][0]["OnDemandThroughput"])

    def test_what_is_not_set_is_left_out(self):
        for condition, parameter in (("CapReads", "MaxReadUnits"), ("CapWrites", "MaxWriteUnits")):
            self.assertEqual("", PARAMETERS[parameter]["Default"])
            self.assertEqual({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}, RENDERED["Conditions"][condition])
            for value in ("", "1", "4000"):
                self.assertRegex(value, PARAMETERS[parameter]["AllowedPattern"])
            for value in ("0", "-1", "1.5"):
                self.assertNotRegex(value, PARAMETERS[parameter]["AllowedPattern"])
        either = {"Fn::Or": [{"Condition": "CapReads"}, {"Condition": "CapWrites"}]}
        self.assertEqual(either, RENDERED["Conditions"]["Cap"])


class Budget(unittest.TestCase):
    def test_it_is_for_whoever_sets_one(self):
        self.assertEqual("HasBudget", RESOURCES["Budget"]["Condition"])
        self.assertEqual(0, PARAMETERS["MonthlyBudget"]["Default"])
        wanted = {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonthlyBudget"}, "0"]}]}
        self.assertEqual(wanted, RENDERED["Conditions"]["HasBudget"])

    def test_somebody_is_told_before_and_when_it_is_used_up(self):
        budget = RESOURCES["Budget"]["Properties"]
        self.assertEqual({"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}, budget["Budget"]["BudgetLimit"])
        self.assertEqual(("COST", "MONTHLY"), (budget["Budget"]["BudgetType"], budget["Budget"]["TimeUnit"]))
        told = {}
        for notification in budget["NotificationsWithSubscribers"]:
            reader = {"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmEmail"}}
            self.assertEqual([reader], notification["Subscribers"])
            told[notification["Notification"]["NotificationType"]] = notification["Notification"]["Threshold"]
        self.assertEqual({"ACTUAL": 80, "FORECASTED": 100}, told)

    def test_it_does_not_go_without_a_reader(self):
        rule = RENDERED["Rules"]["BudgetsNeedAReader"]
        self.assertEqual(RENDERED["Conditions"]["HasBudget"], rule["RuleCondition"])
        (assertion,) = rule["Assertions"]
        self.assertEqual({"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}, assertion["Assert"])

    def test_it_does_not_wait_for_tags_that_nobody_has_activated(self):
        self.assertFalse({"CostFilters", "FilterExpression"} & RESOURCES["Budget"]["Properties"]["Budget"].keys())


if __name__ == "__main__":
    unittest.main()
