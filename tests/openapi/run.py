"""Holds both hosts to what their API's documentation says, with Schemathesis.

`run.py` takes the names of hosts, both if none: `server` (owsc serve) and `functions` (the functions behind the local
gateway). They are debug builds, and are started here, each on a database of its own.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import openapi_spec_validator

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "tests/client"
BINARIES = ROOT / "target" / "debug"
HOSTS = ["server", "functions"]
TOKEN = "a-token-of-the-tests"
# None of the developer's own settings may reach the program under test.
SETTINGS = {"OW_SC_API_TOKEN": TOKEN, "OW_SC_RL_PER_SEC": "1000000"}
STARTS_WITHIN = 60
# The schemas of the hosts so far: they must be equal.
documents = []


def command(host, data):
    if host == "server":
        return [BINARIES / "owsc", "serve", "--port", "0", "--ready-line", "--database", "embedded"]
    variables = {**SETTINGS, "OW_SC_METRICS_PROTECT": "0", "LOG_FORMAT": "text"}
    settings = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    program = [BINARIES / "local-gateway", "--template", ROOT / "template.yaml", "--binaries", BINARIES]
    return [*program, "--port", "0", "--ready-line", "--data-dir", data, *settings]


@contextmanager
def running(host, log):
    """Starts a host, and gives its address."""
    with tempfile.TemporaryDirectory(prefix="owsc-openapi-") as data:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OW_SC_", "LOG_"))}
        if host == "server":
            environment |= SETTINGS | {"OW_SC_DATA_DIR": data}
        child = subprocess.Popen(
            command(host, data), cwd=data, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield address(child)
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()


def address(child):
    """What the line says that a host writes when it listens."""
    timer = threading.Timer(STARTS_WITHIN, child.kill)
    timer.start()
    line = child.stdout.readline()
    timer.cancel()
    if not line:
        raise SystemExit(f"the host ended, or did not listen within {STARTS_WITHIN} s")
    # Drained for the process's lifetime, so that it never blocks on a full pipe.
    threading.Thread(target=child.stdout.read, daemon=True).start()
    return json.loads(line)["ready"]


def ask(origin, method, path, body=None, kind="application/json"):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    request = urllib.request.Request(origin + path, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def bring_data(origin):
    """What there is to find: a chart with exceedances, a permit of its own, and a file with a refused row."""
    chart = (ROOT / "tests/fixtures/echo-effluent-chart-TX0119407.csv").read_bytes()
    ask(origin, "POST", "/api/ingest?site=demo", chart, "text/csv")
    limits = {"limits": [{"parameter": "SO4", "value": 250, "unit": "mg/L", "statistic": "daily_max"}]}
    ask(origin, "PUT", "/api/permits/north", json.dumps(limits).encode())
    rows = "time,species,concentration,site\n1,SO4,251.2,north\n2,SO4,bad,north\n"
    ask(origin, "POST", "/api/ingest?source=two%20rows.csv", rows.encode(), "text/csv")


def check(host, arguments):
    with tempfile.TemporaryFile("w+") as log, running(host, log) as origin:
        bring_data(origin)
        document = ask(origin, "GET", "/docs/openapi.json")
        openapi_spec_validator.validate(document)
        documents.append(document)
        if document != documents[0]:
            raise SystemExit(f"the document of {host} is another one")
        print(f"{host}: the document is valid OpenAPI", flush=True)
        generated_client(origin, document)
        done = schemathesis(origin, arguments)
        if done != 0:
            log.seek(0)
            faults = [line for line in log if re.search(r"\b(ERROR|panic)", line)]
            sys.stderr.writelines(faults[-40:])
    return done


def generated_client(origin, document):
    """Generates a client, compiles a program that uses it, and runs it."""
    tools = CLIENT / "node_modules/.bin"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        generate = [tools / "openapi-typescript", file.name, "--output", "schema.d.ts"]
        for step in (generate, [tools / "tsc"], ["node", "client.ts", origin]):
            subprocess.run(step, cwd=CLIENT, env={**os.environ, "OW_SC_API_TOKEN": TOKEN}, check=True)


def schemathesis(origin, arguments):
    here = Path(__file__).parent
    program = [Path(sys.executable).parent / "schemathesis", "--config-file", here / "schemathesis.toml", "run"]
    options = ["--seed", str(arguments.seed), "--max-examples", str(arguments.examples), "--no-color"]
    environment = {**os.environ, "OW_SC_API_TOKEN": TOKEN, "PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as reports:
        options += ["--report-dir", reports]
        asked = [*program, f"{origin}/docs/openapi.json", *options, *arguments.options]
        return subprocess.run(asked, cwd=reports, env=environment).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="*", metavar="HOST", default=HOSTS)
    parser.add_argument("--examples", type=int, default=25, help="cases of each operation and phase")
    parser.add_argument("--seed", type=int, default=16, help="another one draws other cases")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="more options of `schemathesis run`")
    arguments = parser.parse_args()
    if unknown := set(arguments.hosts) - set(HOSTS):
        parser.error(f"no such host: {', '.join(unknown)}")
    failed = []
    for host in arguments.hosts:
        began = time.monotonic()
        if check(host, arguments) != 0:
            failed.append(host)
        print(f"{host}: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        raise SystemExit(f"not as documented: {', '.join(failed)}")


if __name__ == "__main__":
    main()
