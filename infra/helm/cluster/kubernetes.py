"""The cluster for the tests: kubectl, helm, namespaces, volumes, and requests to the pods."""

import json
import os
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHART = ROOT / "infra/helm/openworld-specialty-chemicals"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
REPOSITORY = "localhost/openworld-specialty-chemicals"
TAG = f"{VERSION}-distroless"
IMAGE = {"image__repository": REPOSITORY, "image__tag": TAG}
# Where the node stores its data.
STATE = Path(os.environ["KUBECONFIG"]).parent
NODE = "10.0.0.1"
# The timeout of tests, in seconds.
PATIENCE = 60
# `make lint-deploy` validates these kinds; here they only need to exist.
APPROVED = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def run(*words, stdin=None):
    """Runs a command: its output. Raises if it fails."""
    command = [str(word) for word in words]
    done = subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def eventually(what, check):
    """The result of `check`, once it returns something without raising."""
    until = time.monotonic() + PATIENCE
    while True:
        last = None
        try:
            if found := check():
                return found
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {PATIENCE} s") from last
        time.sleep(0.2)


class Namespace:
    """A namespace for a test, under the restricted Pod Security Standard."""

    def __init__(self, name):
        self.name = name
        run("cluster", "kubectl", "create", "namespace", name)
        standard = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
        run("cluster", "kubectl", "label", "namespace", name, *standard)

    def kubectl(self, *words, stdin=None):
        """Runs kubectl in it."""
        return run("cluster", "kubectl", "--namespace", self.name, *words, stdin=stdin)

    def get(self, kind, selector=None):
        """The objects of a kind."""
        selection = ("--selector", selector) if selector else ()
        return json.loads(self.kubectl("get", kind, "--output", "json", *selection))["items"]

    def helm(self, command, release="ows", *options, **settings):
        """Runs helm in it; `a__b=1` is `--set a.b=1`."""
        sets = [word for name, value in settings.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]
        return run("helm", command, release, *options, *sets, "--namespace", self.name)

    def install(self, command="install", wait=True, **settings):
        """Installs or upgrades the chart with the node's image, and waits until it is ready."""
        options = ("--wait", "--timeout", "3m") if wait else ()
        said = self.helm(command, "ows", CHART, *options, **IMAGE, **settings)
        if "would violate" in said:
            raise AssertionError(said)
        return said

    def pods(self):
        """The servers' pods that are ready and not terminating: addresses by name."""
        return {
            pod["metadata"]["name"]: pod["status"]["podIP"]
            for pod in self.get("pods", "app.kubernetes.io/component=server")
            if "deletionTimestamp" not in pod["metadata"]
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        }

    def address(self, service):
        """A service's address."""
        return json.loads(self.kubectl("get", "service", service, "--output", "json"))["spec"]["clusterIP"]

    def delete(self):
        """Removes it with all its contents."""
        run("cluster", "kubectl", "delete", "namespace", self.name, "--timeout=120s")


def volumes(count):
    """A default storage class with this many volumes, provisioned as folders of the node."""
    classes = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "folders", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    apply(classes, *(volume(number) for number in range(count)))


def volume(number):
    """A folder of the node as a volume."""
    path = STATE / f"volumes/{number}"
    path.mkdir(parents=True)
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"folder-{number}"},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "folders",
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def operators_kinds():
    """The resource kinds of the Prometheus operator and of gateways."""
    monitoring, gateway = "monitoring.coreos.com", "gateway.networking.k8s.io"
    for group, kind in ((monitoring, "ServiceMonitor"), (monitoring, "PrometheusRule"), (gateway, "HTTPRoute")):
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
        names = {"kind": kind, "plural": f"{kind.lower()}s"}
        yield {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{names['plural']}.{group}", "annotations": APPROVED},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
        }


def apply(*objects, namespace="default"):
    """Applies objects."""
    items = {"apiVersion": "v1", "kind": "List", "items": objects}
    return run("cluster", "kubectl", "--namespace", namespace, "apply", "--filename", "-", stdin=json.dumps(items))


def ask(host, path, token=None, data=None):
    """Status and body of a request to a server in the cluster."""
    headers = {"Content-Type": "text/csv"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://{host}:8000{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
