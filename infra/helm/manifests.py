"""Writes the plain manifests in infra/k8s: the rendered chart, without Helm's own parts."""

import re

from chart import HERE, ROOT, template

# The folders of manifests, and the values they are rendered with.
FOLDERS = {
    ROOT / "infra/k8s": HERE / "plain/k8s.yaml",
    ROOT / "infra/k8s/embedded": HERE / "plain/embedded.yaml",
}

HEADER = "# Made by `make fmt-deploy` from the chart and infra/helm/plain/{}.\n"
DOCUMENT = re.compile(r"^---\n# Source: [^/]+/templates/(\S+)\n", re.MULTILINE)
HELMS = re.compile(r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by|helm\.sh/resource-policy): .*\n", re.MULTILINE)
EMPTY = re.compile(r"^  annotations:\n(?=\w)", re.MULTILINE)


def render(values):
    """The manifests by name. Each template becomes a file, whatever it contains."""
    code, text = template("--values", values, "--skip-tests", name="owsc")
    if code:
        raise SystemExit(text)
    _, *parts = DOCUMENT.split(text)
    manifests = {}
    for name, document in zip(parts[::2], parts[1::2], strict=True):
        manifests.setdefault(name, []).append(EMPTY.sub("", HELMS.sub("", document)))
    return {name: HEADER.format(values.name) + "---\n".join(documents) for name, documents in manifests.items()}


def present(folder):
    """The manifests that are in a folder."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}


if __name__ == "__main__":
    for folder, values in FOLDERS.items():
        manifests = render(values)
        for name in present(folder).keys() - manifests.keys():
            (folder / name).unlink()
        for name, text in manifests.items():
            (folder / name).write_text(text, encoding="utf-8")
