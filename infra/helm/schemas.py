"""The schemas of Kubernetes for kubeconform, made of those that come with kubernetes-validate.

They are the same schemas, but refer to each other by addresses on the web. Here they become files beside each other.
"""

import json
from pathlib import Path

import kubernetes_validate

BUNDLED = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"

# Of the kinds that the chart has, and of what they refer to.
NAMES = [
    "_definitions",
    "configmap-v1",
    "deployment-apps-v1",
    "horizontalpodautoscaler-autoscaling-v2",
    "ingress-networking-v1",
    "networkpolicy-networking-v1",
    "persistentvolumeclaim-v1",
    "pod-v1",
    "poddisruptionbudget-policy-v1",
    "secret-v1",
    "service-v1",
    "serviceaccount-v1",
    "statefulset-apps-v1",
]


def write(folder, version):
    """Writes the schemas of a version into a folder of its own, as kubeconform looks for them."""
    target = Path(folder) / f"v{version}"
    target.mkdir()
    for name in NAMES:
        text = (BUNDLED / f"v{version}-local-strict" / f"{name}.json").read_text(encoding="utf-8")
        schema = json.loads(text.replace('"/api/_definitions.json#', '"_definitions.json#'))
        del schema["$id"]
        (target / f"{name}.json").write_text(json.dumps(schema), encoding="utf-8")
