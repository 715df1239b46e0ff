"""Prints template.yaml as CloudFormation receives it: transformed by SAM, as JSON. Needs no network or account."""

import json
import os
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class NoManagedPolicies:
    """SAM asks for AWS's managed policies by name. No function uses one, and a template with one is an error."""

    def load(self):
        return {}


def source():
    """The template as it is written."""
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))


def render():
    """The template as CloudFormation receives it."""
    template = source()
    # `sam build` puts each function's own folder here, `sam deploy` the place of its upload.
    template["Globals"]["Function"]["CodeUri"] = "s3://artifacts/function.zip"
    # SAM's output does not depend on it, but SAM requires one.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return transform(template, {}, NoManagedPolicies())


if __name__ == "__main__":
    json.dump(render(), sys.stdout, indent=1)
