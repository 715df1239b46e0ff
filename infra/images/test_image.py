"""The images, run as `make docker-run` runs them: with podman as `without-registry.sh` has built them, or as
`make docker-build` has, with `CONTAINER=docker python3 -B -m unittest discover -s infra/images -p test_image.py`."""

import json
import os
import re
import subprocess
import tarfile
import tempfile
import threading
import time
import tomllib
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
CONTAINER = os.environ.get("CONTAINER", "podman")
PODMAN = CONTAINER == "podman"
SLIM = f"{os.environ.get('IMAGE', 'localhost/openworld-specialty-chemicals')}:{VERSION}"
DISTROLESS = f"{SLIM}-distroless"
IMAGES = (SLIM, DISTROLESS)
TOKEN = "secret-of-the-test"
FILE = b"time,species,concentration\n1,SO4,200\n2,SO4,900\n3,SO4,200\n"
# Without these, podman needs systemd: limits that a process inside need not raise, and no timer for the health check.
GLOBAL = ["--runtime", "runc", "--cgroup-manager", "cgroupfs"] if PODMAN else []
LIMITS = "--ulimit nofile=4096:4096 --ulimit nproc=1024:1024 --health-interval disable".split() if PODMAN else []


def engine(*words, check=True):
    """Runs podman or Docker: its standard output."""
    done = subprocess.run(
        [CONTAINER, *GLOBAL, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout if check else (done.returncode, done.stdout + done.stderr)


VOLUMES = []


def new_volume():
    """An empty volume, which is removed at the end."""
    VOLUMES.append(engine("volume", "create").strip())
    return VOLUMES[-1]


def tearDownModule():
    """Removes what was created."""
    engine("volume", "rm", "--force", *VOLUMES)


def hardened():
    """The options by which `make docker-run` confines the container, taken from the Makefile."""
    said = subprocess.run(["make", "--dry-run", "docker-run"], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    words = said.stdout.replace("\\\n", " ").split()
    start, end = words.index("--read-only"), words.index("--stop-timeout")
    options = " ".join(words[start:end])
    # Without systemd, podman has no cgroups to limit memory and processes.
    return (re.sub(r"--(pids-limit|memory) \S+", "", options) if PODMAN else options).split()


class Container:
    """A running container, which is removed at the end."""

    def __init__(self, image, *, network="host", host="127.0.0.1", arguments=(), volume=None, options=()):
        self.address = None
        self.volume = volume or new_volume()
        words = arguments or ("serve", "--host", host, "--port", "0", "--ready-line")
        self.id = engine(
            "run", "--detach", *LIMITS, *hardened(), "--network", network, "--env", f"OW_SC_API_TOKEN={TOKEN}",
            "--volume", f"{self.volume}:/data", *options, image, *words,
        ).strip()  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        engine("rm", "--force", self.id, check=False)

    def ask(self, path, data=None):
        """Status and body."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"}
        request = urllib.request.Request(f"{self.address}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()

    def ready(self):
        """Waits for the ready line."""
        follow = [CONTAINER, *GLOBAL, "logs", "--follow", self.id]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8") as logs:
            timer = threading.Timer(30, logs.kill)
            timer.start()
            line = logs.stdout.readline()
            timer.cancel()
            logs.kill()
        if not line:
            raise AssertionError(f"it is not ready: {engine('logs', self.id, check=False)[1]}")
        self.address = json.loads(line)["ready"]
        return self.ask("/readyz")

    def healthy(self):
        """The result of the image's health check: podman is asked to run it, Docker does so by itself."""
        if PODMAN:
            return engine("healthcheck", "run", self.id, check=False)[0] == 0
        return engine("inspect", "--format", "{{.State.Health.Status}}", self.id).strip() == "healthy"

    def status(self):
        """The kernel's view of its process."""
        pid = engine("inspect", "--format", "{{.State.Pid}}", self.id).strip()
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


class Images(unittest.TestCase):
    """Both images."""

    def test_it_runs_read_only_without_root_and_without_rights(self):
        for image in IMAGES:
            with self.subTest(image), Container(image) as container:
                container.ready()
                status = container.status()
                self.assertEqual(status["Uid"], ["65532"] * 4)
                self.assertEqual(status["Gid"], ["65532"] * 4)
                for rights in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
                    self.assertEqual(int(status[rights][0], 16), 0, rights)
                self.assertEqual(status["NoNewPrivs"], ["1"])
                self.assertNotEqual(status["Seccomp"], ["0"])
                self.assertIn('"rows_taken":3', container.ask("/api/ingest?site=plant", FILE)[1])

    def test_it_runs_as_whoever_the_platform_says(self):
        """OpenShift gives each project a user of its own, whose group is 0."""
        inbox = ("--volume", f"{new_volume()}:/inbox", "--env", "OW_SC_INBOX=/inbox")
        for image in IMAGES:
            with self.subTest(image), Container(image, options=("--user", "1000710000:0", *inbox)) as container:
                container.ready()
                status = container.status()
                self.assertEqual((status["Uid"], status["Gid"]), (["1000710000"] * 4, ["0"] * 4))
                self.assertEqual(int(status["CapEff"][0], 16), 0)
                self.assertIn('"rows_taken":3', container.ask("/api/ingest?site=plant", FILE)[1])
                engine("exec", container.id, "/usr/local/bin/owsc", "backup", "--to", "/data/backup.sqlite")

    def test_folders_for_volumes_are_the_groups_and_nothing_else_is(self):
        for image in IMAGES:
            listed = self.tree(image)
            for name in ("data", "inbox"):
                self.assertEqual(listed[name], ("65532", "0", 0o775), image)
            self.assertEqual(listed["usr/local/bin/owsc"], ("0", "0", 0o755))

    def tree(self, image):
        """Owner, group and mode of every path of an image."""
        container = engine("create", image).strip()
        try:
            with tempfile.TemporaryDirectory() as folder:
                engine("export", "--output", f"{folder}/image.tar", container)
                with tarfile.open(f"{folder}/image.tar") as archive:
                    return {m.name.rstrip("/"): (str(m.uid), str(m.gid), m.mode & 0o7777) for m in archive}
        finally:
            engine("rm", container)

    def test_it_writes_to_data_and_tmp_alone(self):
        for image in IMAGES:
            with self.subTest(image), Container(image) as container:
                container.ready()
                container.ask("/api/ingest?site=plant", FILE)
                # The engine itself puts host names into /etc, and creates the folders of its mounts.
                changed = engine("diff", container.id).splitlines()
                self.assertEqual([line for line in changed if not re.fullmatch(r"[CA] /(etc(/.*)?|run(/.*)?)", line)], [])

    def test_sigterm_ends_it_well_and_the_volume_keeps_what_it_had(self):
        for image in IMAGES:
            with self.subTest(image):
                with Container(image) as first:
                    first.ready()
                    first.ask("/api/ingest?site=plant", FILE)
                    started = time.monotonic()
                    engine("stop", "--time", "15", first.id)
                    self.assertLess(time.monotonic() - started, 12)
                    self.assertEqual(engine("inspect", "--format", "{{.State.ExitCode}}", first.id).strip(), "0")
                with Container(image, volume=first.volume) as second:
                    second.ready()
                    self.assertEqual(json.loads(second.ask("/api/ingests")[1])["ingests"][0]["bytes"], len(FILE))

    def test_a_volume_is_an_inbox(self):
        for image in IMAGES:
            inbox = ("--volume", f"{new_volume()}:/inbox")

            def shell(command, inbox=inbox):
                return engine("run", "--rm", *LIMITS, *hardened(), *inbox, "--entrypoint", "/bin/sh", SLIM, "-c", command)

            shell("mkdir /inbox/north && printf 'time,species,concentration\\n1,SO4,200\\n' > /inbox/north/report.csv")
            with self.subTest(image), Container(image, options=(*inbox, "--env", "OW_SC_INBOX=/inbox")) as container:
                container.ready()
                until = time.monotonic() + 30
                while '"state":"done"' not in (ledger := container.ask("/api/ingests")[1]) and time.monotonic() < until:
                    time.sleep(0.2)
                ingest = json.loads(ledger)["ingests"][0]
                self.assertEqual((ingest["site"], ingest["answer"]["rows_taken"]), ("north", 1))
                # It finishes the files that it has taken in before it stops.
                engine("stop", "--time", "15", container.id)
                self.assertEqual(shell("cd /inbox && echo */north/*"), "done/north/report.csv done/north/report.csv.json\n")

    def test_it_does_not_open_to_the_world_by_itself(self):
        for image in IMAGES:
            with self.subTest(image):
                closed = ("run", "--rm", *LIMITS, *hardened(), "--network", "none", "--volume", f"{new_volume()}:/data")
                code, said = engine(*closed, image, check=False)
                self.assertNotEqual(code, 0)
                self.assertIn("Set OW_SC_API_TOKEN, or OW_SC_ALLOW_ANONYMOUS=1 if that is intended", said)
                word = ("--env", "OW_SC_API_TOKEN=", "--env", "OW_SC_ALLOW_ANONYMOUS=1")
                with Container(image, options=word, host="0.0.0.0") as container:
                    container.ready()
                    self.assertEqual(json.loads(container.ask("/api/status")[1])["sites"], [])

    def test_it_backs_itself_up_and_the_backup_is_good(self):
        shelf = new_volume()
        with Container(DISTROLESS) as first:
            first.ready()
            first.ask("/api/ingest?site=plant", FILE)
            engine("stop", "--time", "15", first.id)
        # A new volume belongs to the owner of the folder beneath it: there is one for an inbox.
        backup = ("--volume", f"{shelf}:/inbox", "--env", "OW_SC_BACKUP=/inbox")
        with Container(DISTROLESS, volume=first.volume, options=backup) as again:
            again.ready()
            name = self.backup_of(shelf)
            volume = new_volume()
            mounts = ("--volume", f"{shelf}:/from:ro", "--volume", f"{volume}:/data")
            engine("run", "--rm", *LIMITS, *hardened(), *mounts, DISTROLESS, "restore", "--from", f"/from/{name}")
        with Container(DISTROLESS, volume=volume) as restored:
            restored.ready()
            self.assertEqual(json.loads(restored.ask("/api/ingests")[1])["ingests"][0]["bytes"], len(FILE))

    def backup_of(self, shelf):
        """The name of the first backup, once it is there."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            mount = ("--volume", f"{shelf}:/shelf:ro")
            names = engine("run", "--rm", *LIMITS, *hardened(), *mount, "--entrypoint", "/bin/ls", SLIM, "/shelf").split()
            if backups := [name for name in names if re.fullmatch(r"owsc-.+Z\.sqlite", name)]:
                return backups[0]
            time.sleep(0.3)
        raise AssertionError("there is no backup after 30 s")

    def test_its_health_is_asked_by_the_program_itself(self):
        for image in IMAGES:
            # In a network of its own, where the default port is free.
            with self.subTest(image), Container(image, network="none", arguments=("serve",)) as container:
                until = time.monotonic() + 30
                while not container.healthy() and time.monotonic() < until:
                    time.sleep(0.2)
                self.assertTrue(container.healthy())
                code, said = engine(
                    "exec", container.id, "/usr/local/bin/owsc", "health", "--url", "http://127.0.0.1:1/readyz", check=False
                )
                self.assertNotEqual(code, 0, said)

    def test_a_backup_is_made_beside_it_and_restored_into_a_new_volume(self):
        with Container(DISTROLESS) as first:
            first.ready()
            first.ask("/api/ingest?site=plant", FILE)
            engine("exec", first.id, "/usr/local/bin/owsc", "backup", "--to", "/data/backup.sqlite")
            volume = new_volume()
            mounts = ("--volume", f"{first.volume}:/from:ro", "--volume", f"{volume}:/data")
            engine("run", "--rm", *LIMITS, *hardened(), *mounts, DISTROLESS, "restore", "--from", "/from/backup.sqlite")
        with Container(DISTROLESS, volume=volume) as second:
            second.ready()
            self.assertEqual(json.loads(second.ask("/api/ingests")[1])["ingests"][0]["bytes"], len(FILE))

    def test_a_volume_that_it_may_not_write_is_a_clear_error(self):
        token = ("--env", f"OW_SC_API_TOKEN={TOKEN}")
        code, said = engine("run", "--rm", *LIMITS, *hardened(), *token, "--volume", "/:/data:ro", DISTROLESS, check=False)
        self.assertNotEqual(code, 0)
        self.assertIn("/data", said)

    def test_labels_say_what_it_is(self):
        for image in IMAGES:
            labels = json.loads(engine("inspect", "--format", "{{json .Config.Labels}}", image))
            self.assertEqual(labels["org.opencontainers.image.version"], VERSION)
            self.assertRegex(labels["org.opencontainers.image.revision"], "^[0-9a-f]{40}$")
            self.assertEqual(labels["org.opencontainers.image.licenses"], "MIT")


class Distroless(unittest.TestCase):
    """The image without a shell."""

    def test_it_has_no_shell(self):
        for shell in ("/bin/sh", "/bin/bash", "/bin/busybox"):
            code, said = engine("run", "--rm", *LIMITS, "--entrypoint", shell, DISTROLESS, "-c", "true", check=False)
            self.assertNotEqual(code, 0)
            self.assertRegex(said, "no such file|not found")

    def test_it_is_below_54_megabytes(self):
        size = int(engine("inspect", "--format", "{{.Size}}", DISTROLESS))
        # Of these, the base takes 15, the S3 client some 6, and Swagger UI 1.7.
        self.assertLess(size, 54_000_000)
        # An image that lacks half of it would be small, too.
        self.assertGreater(size, 10_000_000)


if __name__ == "__main__":
    unittest.main()
