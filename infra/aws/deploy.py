"""Runs `sam deploy`, and adds what it lacks: updates cannot replace what holds readings, and one token is in force.

Takes the flags of `sam deploy`. Needs a build, as that does.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig

ROOT = Path(__file__).parents[2]
SAM = Path(sys.executable).with_name("sam")
POLICY = Path(__file__).with_name("stack-policy.json").read_text(encoding="utf-8")

# Parameters with a secret and its version, and the output with the secret that the stack has created.
SECRETS = (
    ("ApiTokenSecretArn", "ApiTokenVersion", "ApiTokenSecret"),
    ("MetricsTokenSecretArn", "MetricsTokenVersion", "MetricsTokenSecret"),
    ("SourceSecretArn", "SourceSecretVersion", None),
)


class Settings:
    """The target of the deployment: flags, backed by the configuration file."""

    def __init__(self, flags, folder=ROOT):
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--config-env", default="default")
        parser.add_argument("--config-file")
        parser.add_argument("--stack-name")
        parser.add_argument("--region")
        parser.add_argument("--profile")
        parser.add_argument("--parameter-overrides", nargs="+")
        given, self.others = parser.parse_known_args(flags)
        written = SamConfig(folder, given.config_file).get_all(["deploy"], "parameters", given.config_env)
        self.stack = given.stack_name or written.get("stack_name")
        self.region = given.region or written.get("region")
        self.profile = given.profile or written.get("profile")
        overrides = given.parameter_overrides or written.get("parameter_overrides")
        self.parameters = CfnParameterOverridesType().convert(overrides, None, None) if overrides else {}
        named = ("config_env", "config_file", "stack_name", "region", "profile")
        for name, value in ((name, getattr(given, name)) for name in named):
            self.others += [f"--{name.replace('_', '-')}", value] if value else []

    def command(self):
        """`sam deploy` with all parameters."""
        pairs = self.parameters.items()
        overrides = [f"ParameterKey={name},ParameterValue={quoted(value)}" for name, value in pairs]
        return [str(SAM), "deploy", *self.others, *(["--parameter-overrides"] if overrides else []), *overrides]


def quoted(value):
    """A value in SAM's syntax: in quotes, with quotes and backslashes escaped."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def describe(cloudformation, name):
    """The stack, or nothing if there is none yet."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    # Left behind by a change set that was never executed.
    return None if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else stack


def pin(secrets, stack, parameters):
    """Adds the current version of each secret without a given version.

    CloudFormation reads a secret again only for functions that change. With the version in the reference all change,
    or none does; without it, some could hold the token of before and some the new one.
    """
    outputs = {output["OutputKey"]: output["OutputValue"] for output in (stack or {}).get("Outputs", [])}
    before = {known["ParameterKey"]: known["ParameterValue"] for known in (stack or {}).get("Parameters", [])}
    for secret, version, output in SECRETS:
        arn = parameters.get(secret) or outputs.get(output) or before.get(secret)
        if arn and not parameters.get(version):
            versions = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
            (parameters[version],) = [name for name, stages in versions.items() if "AWSCURRENT" in stages]


def protect(cloudformation, name):
    """Sets a policy that refuses any later update that would replace or remove what holds readings."""
    cloudformation.set_stack_policy(StackName=name, StackPolicyBody=POLICY)


def deploy(settings, cloudformation, secrets, run):
    """Pins and deploys; returns SAM's exit status."""
    stack = describe(cloudformation, settings.stack)
    pin(secrets, stack, settings.parameters)
    # A stack that was unlocked on purpose has a policy already, and stays unlocked this once.
    if stack and "StackPolicyBody" not in cloudformation.get_stack_policy(StackName=settings.stack):
        protect(cloudformation, settings.stack)
    return run(settings.command())


def finish(settings, cloudformation):
    """Protects what exists now, however the deployment ended."""
    if describe(cloudformation, settings.stack):
        protect(cloudformation, settings.stack)


def run(command):
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main():
    settings, session = begin()
    try:
        clients = session.client("cloudformation"), session.client("secretsmanager")
        status = deploy(settings, *clients, run)
        # `--guided` asks for names, and stores them.
        settings, session = begin()
        finish(settings, session.client("cloudformation"))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")
    sys.exit(status)


def begin():
    settings = Settings(sys.argv[1:])
    if not settings.stack:
        sys.exit("Which stack? Name it in samconfig.toml or with --stack-name")
    return settings, boto3.Session(profile_name=settings.profile, region_name=settings.region)


if __name__ == "__main__":
    main()
