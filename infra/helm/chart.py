"""Renders the chart, for its tests and for the plain manifests."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHART = HERE / "openworld-specialty-chemicals"
VALUE_SETS = sorted([*(HERE / "ci").glob("*.yaml"), *(HERE / "plain").glob("*.yaml")])

# The oldest and newest supported Kubernetes.
VERSIONS = ["1.27.0", "1.37.0"]
NEWEST = VERSIONS[-1]


def run(*command):
    """Runs a command: its exit code and its output."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    return done.returncode, done.stdout


def options(values=(), **sets):
    """Options of helm for files of values, and single values; `a__b=1` is `--set a.b=1`."""
    for path in values:
        yield from ("--values", path)
    for name, value in sets.items():
        yield from ("--set", f"{name.replace('__', '.')}={value}")


def complete(**sets):
    """Options of helm for given values, with a token unless they specify one."""
    known = sets.keys() & {"secrets__apiToken", "secrets__existingSecret", "allowAnonymous"}
    return options(**(sets if known else sets | {"secrets__apiToken": "5hJ2kQ9wX7pL"}))


def template(*arguments, name="ows", version=NEWEST, chart=CHART, helm="helm"):
    """The result of `helm template`: exit code and text."""
    return run(helm, "template", name, chart, "--kube-version", version, *arguments)


def objects(*arguments, **keywords):
    """The objects that the chart renders."""
    code, text = template(*arguments, **keywords)
    if code:
        raise AssertionError(text)
    return [item for item in yaml.safe_load_all(text) if item]


def one(rendered, kind, suffix=""):
    """The only object of a kind, or the one with a suffix to its name."""
    found = [item for item in rendered if item["kind"] == kind and item["metadata"]["name"].endswith(suffix)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} of {kind} {suffix}")
    return found[0]


def pods(rendered):
    """Name, labels and specification of every pod that may be created."""
    for item in rendered:
        if item["kind"] == "Pod":
            yield item["metadata"]["name"], item["metadata"]["labels"], item["spec"]
        elif item["kind"] in ("Deployment", "StatefulSet"):
            pod = item["spec"]["template"]
            yield item["metadata"]["name"], pod["metadata"]["labels"], pod["spec"]


def server(rendered):
    """The server's container."""
    for _, _, pod in pods(rendered):
        if pod["containers"][0]["name"] == "owsc":
            return pod["containers"][0]
    raise AssertionError("no server")


def environment(rendered):
    """The server's variables: values, or their sources."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in server(rendered)["env"]}


def notes(*arguments):
    """The notes, rendered as an object: `helm template` omits them, and `helm install` needs a cluster."""
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(folder) / CHART.name
        shutil.copytree(CHART, chart)
        path = chart / "templates" / "NOTES.txt"
        text = f'{{{{ define "notes" }}}}{path.read_text(encoding="utf-8")}{{{{ end }}}}'
        path.unlink()
        probe = text + '\nkind: Notes\nmetadata: {name: notes, labels: {}}\ntext: {{ include "notes" . | quote }}\n'
        (chart / "templates" / "notes.yaml").write_text(probe, encoding="utf-8")
        return one(objects(*arguments, chart=chart), "Notes")["text"]


def files():
    """Arguments for each set of values, by its name."""
    return {path.stem if path.parent.name == "ci" else f"plain {path.stem}": ["--values", path] for path in VALUE_SETS}


def renderings():
    """The rendered objects of each set of values, by its name."""
    return [(name, objects(*arguments)) for name, arguments in files().items()]
