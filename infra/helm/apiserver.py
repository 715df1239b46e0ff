"""The part of Kubernetes' API that Helm's lookups need; `make test-cluster` has the real one."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESOURCES = {"secrets": "Secret", "persistentvolumeclaims": "PersistentVolumeClaim", "serviceaccounts": "ServiceAccount"}
NOTHING = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class ApiServer:
    """A cluster that contains what was put into it, for the duration of the block."""

    def __init__(self):
        self.objects = {}

    def __enter__(self):
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            """Answers with JSON."""

            def do_GET(self):  # noqa: N802 (the library's name)
                status, body = cluster.answer(self.path.split("?")[0])
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format, *args):  # noqa: A002 (the library's name)
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def options(self):
        """Options that make `helm template` use this cluster."""
        return ("--dry-run=server", "--kube-apiserver", f"http://127.0.0.1:{self.server.server_port}")

    def put(self, item, namespace="default"):
        """Stores an object as the API server does: Secrets encoded."""
        item = json.loads(json.dumps(item))
        if texts := item.pop("stringData", {}):
            item["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        self.objects[namespace, item["kind"], item["metadata"]["name"]] = item

    def answer(self, path):
        """Status and body of a request."""
        if path == "/version":
            return 200, {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if path == "/api/v1":
            what = {"namespaced": True, "verbs": ["get", "list"]}
            known = [{"name": name, "kind": kind, **what} for name, kind in RESOURCES.items()]
            return 200, {"kind": "APIResourceList", "groupVersion": "v1", "resources": known}
        if found := re.fullmatch(r"/api/v1/namespaces/([^/]+)/(\w+)(?:/([^/]+))?", path):
            namespace, kind, name = found[1], RESOURCES[found[2]], found[3]
            if name:
                item = self.objects.get((namespace, kind, name))
                return (200, item) if item else (404, NOTHING)
            items = [item for (where, what, _), item in self.objects.items() if (where, what) == (namespace, kind)]
            return 200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": items}
        return 404, NOTHING
