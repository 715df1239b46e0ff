"""The functions' configuration."""

import re
import unittest

from render import source
from rendered import FUNCTIONS, HTTP_ROUTES, LIVE_ROUTES, RENDERED, ROOT, of_type, ref, strings

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
    "ws-disconnect": {"OW_SC_TABLE", "OW_SC_PUSH_URL"},
    "ws-message": {"OW_SC_TABLE", "OW_SC_WS_MSGS_PER_SEC", "OW_SC_WS_MAX_MESSAGE_BYTES", "OW_SC_PUSH_URL"},
    "ws-broadcast": {"OW_SC_TABLE", "OW_SC_PUSH_URL"},
    "settle": {"OW_SC_TABLE"},
}


class Functions(unittest.TestCase):
    def test_every_folder_of_functions_is_deployed(self):
        folders = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
        self.assertEqual(folders, FUNCTIONS.keys())

    def test_environments_hold_what_the_program_knows_and_uses(self):
        known = set(re.findall(r'"((?:OW_SC|LOG)_[A-Z_]+)"', (ROOT / "shared/web/src/config.rs").read_text()))
        for binary, (_, properties) in FUNCTIONS.items():
            variables = properties["Environment"]["Variables"].keys()
            self.assertEqual(ENVIRONMENT[binary] | LOGS, variables, binary)
            self.assertLessEqual(variables, known | {"OW_SC_PUSH_URL"}, binary)

    def test_functions_end_before_nobody_waits_any_more(self):
        for binary in HTTP_ROUTES.values():
            # What the first two record is worth finishing even if nobody waits for the answer. The last one invokes
            # itself for long work.
            most = {"ingest": 61, "api": 61, "chemistry": 901}.get(binary, 30)
            self.assertLess(FUNCTIONS[binary][1]["Timeout"], most, binary)
        for binary in LIVE_ROUTES.values():
            self.assertLess(FUNCTIONS[binary][1]["Timeout"], 29, binary)

    def test_processors_are_a_parameter(self):
        self.assertEqual("arm64", RENDERED["Parameters"]["Architecture"]["Default"])
        for binary, (_, properties) in FUNCTIONS.items():
            self.assertEqual([{"Ref": "Architecture"}], properties["Architectures"], binary)

    def test_all_log_into_one_group_that_forgets(self):
        for binary, (_, properties) in FUNCTIONS.items():
            self.assertEqual("FunctionLogs", ref(properties["LoggingConfig"]["LogGroup"]), binary)
            # Filters need JSON fields.
            self.assertEqual("JSON", properties["LoggingConfig"]["LogFormat"], binary)
            self.assertEqual("json", properties["Environment"]["Variables"]["LOG_FORMAT"], binary)
        groups = of_type("AWS::Logs::LogGroup")
        self.assertEqual({"FunctionLogs", "HttpApiLogs"}, groups.keys())
        for name, group in groups.items():
            self.assertEqual({"Ref": "LogRetentionDays"}, group["Properties"]["RetentionInDays"], name)


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
        # One more: the secrets for sources, if there are any.
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
            # 43 letters and digits are 256 bits; other characters are not allowed in a WebSocket subprotocol's name.
            self.assertEqual((43, True), (made["PasswordLength"], made["ExcludePunctuation"]))
            self.assertEqual("token", made["GenerateStringKey"])


class Parameters(unittest.TestCase):
    def test_each_is_described_here_and_for_whoever_deploys(self):
        page = (ROOT / "docs/deploy-aws.md").read_text()
        for name, parameter in RENDERED["Parameters"].items():
            self.assertTrue(parameter["Description"], name)
            self.assertRegex(page, rf"`{name}[`=]|[\" ]{name}=", name)


class Source(unittest.TestCase):
    def test_no_policy_is_left_to_sam(self):
        for name, resource in source()["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                self.assertIn("Role", resource["Properties"], name)
                self.assertFalse({"Policies", "Connectors", "VpcConfig", "LoggingConfig", "Tracing"} & resource["Properties"].keys())


if __name__ == "__main__":
    unittest.main()
