"""The Dockerfiles and the compose file: they are well formed, hardened, and consistent with related files."""

import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SLIM = HERE / "Dockerfile"
DISTROLESS = HERE / "Dockerfile.distroless"
COMPOSE = HERE / "compose.yaml"
DEVCONTAINER = ROOT / ".devcontainer"
TOOLS = Path(sys.executable).parent


def run(*command):
    """Runs a command: its exit code and its output."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    return done.returncode, done.stdout


class Dockerfiles(unittest.TestCase):
    """Both of them."""

    def test_hadolint_has_nothing_to_say(self):
        files = (SLIM, DISTROLESS, DEVCONTAINER / "Dockerfile")
        self.assertEqual(run(TOOLS / "hadolint", "--failure-threshold", "style", *files), (0, ""))

    def test_they_differ_in_their_base_and_in_what_they_say_of_it(self):
        """Both builds must be maintained only once."""

        def common(path):
            text = path.read_text(encoding="utf-8")
            _, instructions = text.split("ARG RUST_IMAGE", 1)
            return re.sub(r"ARG RUNTIME_IMAGE=\S+", "", instructions)

        self.assertEqual(common(SLIM), common(DISTROLESS))

    def test_the_compiler_is_that_of_everybody(self):
        channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text(encoding="utf-8"))["toolchain"]["channel"]
        self.assertIn(f"rust:{channel}-slim-bookworm", SLIM.read_text(encoding="utf-8"))
        self.assertIn(f"rust:{channel}-bookworm", (DEVCONTAINER / "Dockerfile").read_text(encoding="utf-8"))

    def test_every_image_is_named_with_its_registry(self):
        """A short name may mean different images in different places."""
        for path in (SLIM, DISTROLESS):
            for image in re.findall(r"(?m)^ARG \w+_IMAGE=(\S+)$", path.read_text(encoding="utf-8")):
                self.assertRegex(image, r"^[a-z0-9-]+(\.[a-z0-9-]+)+/")
        for service in yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"].values():
            self.assertRegex(service["image"], r"^\$\{\w+:-(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)/")

    def test_the_user_is_that_of_the_chart(self):
        chart = HERE.parent / "helm/openworld-specialty-chemicals/values.yaml"
        security = yaml.safe_load(chart.read_text(encoding="utf-8"))["podSecurityContext"]
        user = f"{security['runAsUser']}:{security['runAsGroup']}"
        self.assertIn(f"\nUSER {user}\n", SLIM.read_text(encoding="utf-8"))


class Compose(unittest.TestCase):
    """The compose file."""

    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]

    def test_it_follows_the_specification(self):
        code, said = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
        self.assertEqual(code, 0, said)

    def test_every_service_has_no_more_rights_than_it_needs(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertTrue(service.get("read_only") or name == "dynamodb")

    def test_nothing_is_published_to_other_machines(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name} {port}")

    def test_the_image_is_the_one_that_is_built(self):
        version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
        for name in ("first", "second"):
            self.assertEqual(self.services[name]["image"], f"${{IMAGE:-localhost/openworld-specialty-chemicals:{version}}}")

    def test_both_servers_may_write_to_one_inbox(self):
        image = SLIM.read_text(encoding="utf-8")
        for name in ("first", "second"):
            service = self.services[name]
            folder = service["environment"]["OW_SC_INBOX"]
            self.assertEqual(service["volumes"], [f"${{INBOX:-inbox}}:{folder}"])
            # The volume's contents belong to the image's user, which is the default unless a folder has another owner.
            user = re.fullmatch(r"\$\{INBOX_OWNER:-(.+)\}", service["user"])[1]
            self.assertIn(f"/volumes{folder}", image)
            self.assertIn(f"\nCOPY --from=build --chown={user.split(':')[0]}:0 /volumes /\n", image)
            self.assertIn(f"\nUSER {user}\n", image)


if __name__ == "__main__":
    unittest.main()
