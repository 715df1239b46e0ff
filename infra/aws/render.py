"""Prints template.yaml as CloudFormation gets it: with what SAM makes of it, as JSON. Needs neither network nor account."""

import json
import os
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class NoManagedPolicies:
    """SAM asks for AWS's managed policies by name. No function uses one, and a template that does is an error."""

    def load(self):
        return {}


def source():
    """The template as it is written."""
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))


def render():
    """The template as CloudFormation gets it."""
    template = source()
    # `sam build` puts each function's own folder here, `sam deploy` where it was uploaded to.
    template["Globals"]["Function"]["CodeUri"] = "s3://artifacts/function.zip"
    # What SAM makes does not depend on it, but it wants one.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return transform(template, {}, NoManagedPolicies())


if __name__ == "__main__":
    json.dump(render(), sys.stdout, indent=1)
