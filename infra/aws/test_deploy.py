"""What `make deploy` adds to SAM. botocore's stubs, checked against its model, answer instead of AWS."""

import json
import tempfile
import unittest
from pathlib import Path

import boto3
from botocore.stub import Stubber
from deploy import POLICY, SECRETS, Settings, deploy, finish
from rendered import RENDERED, RESOURCES, ROOT
from samcli.cli.types import CfnParameterOverridesType

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ApiToken"
SERVICES = ("cloudformation", "secretsmanager")
OVERRIDES = "--parameter-overrides"
CONFIG = """
version = 0.1
[default.global.parameters]
stack_name = "plant"
parameter_overrides = 'LogRetentionDays=90 CorsOrigins="https://a.example https://b.example"'
[staging.deploy.parameters]
stack_name = "plant-staging"
region = "eu-west-1"
"""


def version(name):
    """An id as long as AWS's."""
    return name.ljust(32, "0")


def settings(*flags):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "samconfig.toml").write_text(CONFIG)
        return Settings(flags, folder)


class Flags(unittest.TestCase):
    def test_the_file_is_read_as_sam_reads_it(self):
        default, staging = settings(), settings("--config-env", "staging")
        self.assertEqual(("plant", None), (default.stack, default.region))
        self.assertEqual(("plant-staging", "eu-west-1"), (staging.stack, staging.region))
        self.assertEqual({}, staging.parameters)
        self.assertIn("--config-env", staging.command())

    def test_flags_count_more_than_the_file_and_are_handed_on(self):
        given = settings("--stack-name", "other", "--no-confirm-changeset", "--parameter-overrides", "A=1", "B=2")
        self.assertEqual(("other", {"A": "1", "B": "2"}), (given.stack, given.parameters))
        self.assertIn("--no-confirm-changeset", given.command())
        self.assertEqual("other", given.command()[given.command().index("--stack-name") + 1])

    def test_sam_reads_the_parameters_that_it_was_told(self):
        given = settings()
        given.parameters |= {"Odd": 'a "quoted" word, a \\ and a = sign', "Empty": ""}
        command = given.command()
        told = command[command.index("--parameter-overrides") + 1 :]
        read = CfnParameterOverridesType().convert(tuple(told), None, None)
        self.assertEqual(given.parameters["CorsOrigins"], read["CorsOrigins"])
        self.assertEqual("https://a.example https://b.example", read["CorsOrigins"])
        self.assertEqual(given.parameters, read)


class Deployment(unittest.TestCase):
    def setUp(self):
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        clients = [boto3.client(name, "us-east-1", **keys) for name in SERVICES]
        (self.cloudformation, self.stacks), (self.secrets, self.versions) = ((c, Stubber(c)) for c in clients)
        for stub in (self.stacks, self.versions):
            stub.activate()
        self.ran = []

    def tearDown(self):
        self.stacks.assert_no_pending_responses()
        self.versions.assert_no_pending_responses()

    def there_is(self, status="UPDATE_COMPLETE", **parts):
        stack = {"StackName": "plant", "CreationTime": 0, "StackStatus": status, **parts}
        self.stacks.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "plant"})

    def there_is_none(self):
        missing = {"service_message": "Stack with id plant does not exist"}
        self.stacks.add_client_error("describe_stacks", "ValidationError", **missing)

    def has_policy(self, **policy):
        self.stacks.add_response("get_stack_policy", policy, {"StackName": "plant"})

    def is_protected(self):
        self.stacks.add_response("set_stack_policy", {}, {"StackName": "plant", "StackPolicyBody": POLICY})

    def has_versions(self, **versions):
        versions = {version(name): stages for name, stages in versions.items()}
        self.versions.add_response("describe_secret", {"VersionIdsToStages": versions}, {"SecretId": ARN})

    def deploy(self, *flags):
        def run(command):
            overrides = tuple(command[command.index(OVERRIDES) + 1 :])
            self.ran.append(CfnParameterOverridesType().convert(overrides, None, None))
            return 3

        self.assertEqual(3, deploy(settings(*flags), self.cloudformation, self.secrets, run))

    def test_a_first_deployment_has_nothing_to_pin_and_is_protected_afterwards(self):
        self.there_is_none()
        self.deploy()
        self.assertNotIn("ApiTokenVersion", self.ran[0])
        self.there_is("CREATE_COMPLETE")
        self.is_protected()
        finish(settings(), self.cloudformation)

    def test_a_change_set_that_nobody_executed_is_no_stack(self):
        self.there_is("REVIEW_IN_PROGRESS")
        finish(settings(), self.cloudformation)

    def test_all_functions_get_the_same_version_of_a_token(self):
        # The stack's own secret was rotated since it was last deployed.
        parameters = [{"ParameterKey": "ApiTokenVersion", "ParameterValue": version("old")}]
        self.there_is(Outputs=[{"OutputKey": "ApiTokenSecret", "OutputValue": ARN}], Parameters=parameters)
        self.has_versions(old=["AWSPREVIOUS"], new=["AWSCURRENT"])
        self.has_policy(StackPolicyBody=POLICY)
        self.deploy()
        self.assertEqual(version("new"), self.ran[0]["ApiTokenVersion"])
        # The file's own parameters are still there.
        self.assertEqual("90", self.ran[0]["LogRetentionDays"])

    def test_a_version_that_somebody_named_stays(self):
        self.there_is(Outputs=[{"OutputKey": "ApiTokenSecret", "OutputValue": ARN}])
        self.has_policy(StackPolicyBody=POLICY)
        self.deploy(OVERRIDES, "ApiTokenVersion=before")
        self.assertEqual("before", self.ran[0]["ApiTokenVersion"])

    def test_a_secret_that_is_given_counts_more_than_the_one_of_before(self):
        self.there_is(Outputs=[{"OutputKey": "ApiTokenSecret", "OutputValue": f"{ARN}OfBefore"}])
        self.has_versions(given=["AWSCURRENT", "mine"])
        self.has_policy(StackPolicyBody=POLICY)
        self.deploy(OVERRIDES, f"ApiTokenSecretArn={ARN}")
        self.assertEqual(version("given"), self.ran[0]["ApiTokenVersion"])

    def test_a_secret_for_sources_is_found_among_the_parameters_of_before(self):
        self.there_is(Parameters=[{"ParameterKey": "SourceSecretArn", "ParameterValue": ARN}])
        self.has_versions(current=["AWSCURRENT"])
        self.has_policy(StackPolicyBody=POLICY)
        self.deploy()
        self.assertEqual(version("current"), self.ran[0]["SourceSecretVersion"])

    def test_a_stack_without_a_policy_has_one_before_it_is_updated(self):
        self.there_is()
        self.has_policy()
        self.is_protected()
        self.deploy()

    def test_one_that_was_opened_on_purpose_is_open_for_one_update(self):
        self.there_is()
        self.has_policy(StackPolicyBody='{"Statement": []}')
        self.deploy()
        self.there_is("UPDATE_ROLLBACK_COMPLETE")
        self.is_protected()
        finish(settings(), self.cloudformation)


class Agreement(unittest.TestCase):
    def test_the_template_has_what_the_script_names(self):
        for secret, version, output in SECRETS:
            self.assertLessEqual({secret, version}, RENDERED["Parameters"].keys())
            self.assertTrue(output is None or output in RENDERED["Outputs"], output)

    def test_the_policy_keeps_all_that_outlives_the_stack_from_being_replaced(self):
        kept = {name for name, resource in RESOURCES.items() if resource.get("DeletionPolicy") == "Retain"}
        self.assertEqual({"Table", "Inbox"}, kept)
        allowed, denied = json.loads(POLICY)["Statement"]
        self.assertEqual(("Allow", "Update:*", "*"), (allowed["Effect"], allowed["Action"], allowed["Resource"]))
        self.assertEqual("Deny", denied["Effect"])
        self.assertCountEqual(["Update:Replace", "Update:Delete"], denied["Action"])
        self.assertCountEqual([f"LogicalResourceId/{name}" for name in kept], denied["Resource"])
        for statement in (allowed, denied):
            self.assertEqual("*", statement["Principal"])

    def test_make_deploys_with_it(self):
        recipe = (ROOT / "Makefile").read_text().partition("\ndeploy: ")[2].partition("\n\n")[0]
        self.assertIn("infra/aws/deploy.py", recipe)
        self.assertNotIn("$(SAM) deploy", recipe)


if __name__ == "__main__":
    unittest.main()
