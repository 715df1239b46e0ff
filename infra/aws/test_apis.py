"""Routes reach their own functions only."""

import unittest

from rendered import FUNCTIONS, HTTP_ROUTES, LIVE_ROUTES, RESOURCES, of_type, ref, text


class Apis(unittest.TestCase):
    def test_http_routes_reach_their_functions(self):
        paths = RESOURCES["HttpApi"]["Properties"]["Body"]["paths"]
        self.assertEqual(HTTP_ROUTES.keys(), paths.keys())
        for path, binary in HTTP_ROUTES.items():
            integration = paths[path]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            self.assertEqual("2.0", integration["payloadFormatVersion"], path)
            self.assertIn(f"functions/${{{FUNCTIONS[binary][0]}.Arn}}/", text(integration["uri"]), path)
            below = path.replace("{proxy+}", "*").replace("{id}", "*").replace("{part}", "*")
            # The default route's function is called for paths without a route of their own, and needs no other
            # permission.
            source = "/*" if binary == HTTP_ROUTES["$default"] else f"/*{below}"
            self.assertTrue(any(arn.endswith(source) for arn in self.callers(binary)), path)

    def test_live_routes_reach_their_functions(self):
        routes = {r["Properties"]["RouteKey"]: r["Properties"] for r in of_type("AWS::ApiGatewayV2::Route").values()}
        self.assertEqual(LIVE_ROUTES.keys(), routes.keys())
        for key, binary in LIVE_ROUTES.items():
            target = ref(routes[key]["Target"]["Fn::Join"][1][1])
            integration = RESOURCES[target]["Properties"]
            self.assertEqual("AWS_PROXY", integration["IntegrationType"])
            self.assertEqual(FUNCTIONS[binary][0], ref(integration["IntegrationUri"]["Fn::Sub"][1]["FunctionArn"]))
            callers = [arn for arn in self.callers(binary) if arn != "WsDisconnectFunctionSweep.Arn"]
            self.assertTrue(all(arn.endswith(f":${{LiveApi.ApiId}}/ws/{key}") for arn in callers), key)
            self.assertEqual(1, len(callers), key)

    def test_nobody_else_may_call_functions(self):
        for name, permission in of_type("AWS::Lambda::Permission").items():
            properties = permission["Properties"]
            by_events = {"SettleFunctionSweepPermission", "BatchFunctionObjectPermission"}
            by_events |= {f"{name}FunctionSweepPermission" for name in ("Batch", "Chemistry", "WsDisconnect")}
            caller = "events.amazonaws.com" if name in by_events else "apigateway.amazonaws.com"
            self.assertEqual(caller, properties["Principal"], name)
            self.assertEqual("lambda:InvokeFunction", properties["Action"], name)
        self.assertEqual([], self.callers("ws-broadcast"))
        self.assertEqual(["SettleFunctionSweep.Arn"], self.callers("settle"))
        self.assertIn("WsDisconnectFunctionSweep.Arn", self.callers("ws-disconnect"))
        self.assertCountEqual(["BatchFunctionObject.Arn", "BatchFunctionSweep.Arn"], self.callers("batch"))

    def test_stages_follow_their_routes(self):
        stages = of_type("AWS::ApiGatewayV2::Stage").values()
        self.assertEqual(2, len(stages))
        for stage in stages:
            self.assertTrue(stage["Properties"]["AutoDeploy"])
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


if __name__ == "__main__":
    unittest.main()
