"""The Makefile: what it needs of the machine, and what it reports as missing."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "Makefile", *ROOT.glob("make/*.mk"), ROOT / ".ci/run", *ROOT.glob("infra/**/*.sh")]
# Everything that `prerequisites.sh` itself uses.
SHELL = ("bash", "env", "uname", "id", "sed")


class Machine:
    """A machine with nothing but these programs, and stand-ins that record how they were called."""

    def __init__(self, *real):
        self.folder = tempfile.TemporaryDirectory()
        unittest.addModuleCleanup(self.folder.cleanup)
        self.bin = Path(self.folder.name)
        self.log = self.bin / "calls"
        self.log.touch()
        for name in real:
            (self.bin / name).symlink_to(shutil.which(name))

    def put(self, name, script=""):
        """A stand-in with this script."""
        file = self.bin / name
        # It may be a link to the real program, which must not be overwritten.
        file.unlink(missing_ok=True)
        file.write_text(f'#!/bin/bash\necho "{name} $*" >> {self.log}\n{script}\n', encoding="utf-8")
        file.chmod(0o755)

    def run(self, *words, **environment):
        """Exit code and output."""
        done = subprocess.run(
            [shutil.which(words[0]), *words[1:]] if words[0] == "make" else words,
            cwd=ROOT, env={"PATH": str(self.bin), **environment}, encoding="utf-8", check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    def calls(self):
        """The recorded calls of stand-ins."""
        return self.log.read_text(encoding="utf-8").splitlines()


class Help(unittest.TestCase):
    def test_it_needs_nothing_and_starts_nothing(self):
        machine = Machine("sh", "grep", "sed", "expand")
        for name in ("cargo", "rustc", "python3", "node", "go", "git", "uname"):
            machine.put(name)
        code, said = machine.run("make", "help")
        self.assertEqual(code, 0, said)
        self.assertEqual(machine.calls(), [])
        for target in ("run", "test", "lint", "deploy", "help"):
            self.assertRegex(said, rf"(?m)^{target} +\S")


class Prerequisites(unittest.TestCase):
    ALL = ("Rust", "C compiler", "Python 3.11", "redis-server", "Chromium", "Java 17", "Maven")

    def test_all_that_is_missing_is_named_at_once(self):
        code, said = Machine(*SHELL).run("make/prerequisites.sh", "build", "test", "emulator")
        self.assertEqual(code, 1)
        for name in self.ALL:
            self.assertIn(name, said)
        self.assertNotIn("promtool", said)

    def test_building_wants_no_more_than_building(self):
        code, said = Machine(*SHELL).run("make/prerequisites.sh", "build")
        self.assertEqual(code, 1)
        self.assertIn("Node.js 22", said)
        for name in self.ALL[3:]:
            self.assertNotIn(name, said)

    def test_in_ci_what_tests_would_skip_is_wanted(self):
        code, said = Machine(*SHELL).run("make/prerequisites.sh", "test", CI="true")
        self.assertEqual(code, 1)
        self.assertIn("promtool", said)

    def test_checking_wants_promtool(self):
        code, said = Machine(*SHELL).run("make/prerequisites.sh", "lint")
        self.assertEqual(code, 1)
        self.assertIn("promtool (Debian: prometheus)", said)

    def test_nothing_is_built_before_it_is_known(self):
        for target in ("run", "test", "lint", "test-dynamodb", "test-browser", "build-functions", "deploy"):
            with self.subTest(target):
                machine = Machine(*SHELL, "sh", "mkdir", "touch", "rm")
                for name in ("npm", "pip", "mvn", "curl"):
                    machine.put(name)
                code, said = machine.run("make", target, TOOLS=f"{machine.bin}/tools")
                self.assertNotEqual(code, 0)
                self.assertIn("Missing on this machine:", said)
                self.assertEqual(machine.calls(), [])

    def test_root_on_debian_gets_the_packages_in_one_go(self):
        machine = Machine(*SHELL)
        machine.put("cargo")
        machine.put("id", "echo 0")
        # Stand-ins for what the packages provide.
        brought = "printf '#!/bin/bash\\nexit 0\\n' > $file; chmod +x $file".replace("chmod", shutil.which("chmod"))
        names = "cc python3 redis-server chromium promtool"
        machine.put(
            "apt-get", f'[ "$1" = update ] || for name in {names}; do file={machine.bin}/$name; {brought}; done'
        )
        code, said = machine.run("make/prerequisites.sh", "build", "test", CI="true")
        self.assertEqual(code, 0, said)
        update, install = [call for call in machine.calls() if call.startswith("apt-get")]
        self.assertIn("update", update)
        for package in ("gcc", "python3-venv", "redis-server", "chromium", "prometheus"):
            self.assertIn(package, install)

    def test_what_packages_did_not_bring_is_named(self):
        machine = Machine(*SHELL)
        machine.put("id", "echo 0")
        machine.put("apt-get")
        code, said = machine.run("make/prerequisites.sh", "test")
        self.assertEqual(code, 1)
        self.assertIn("Rust", said)
        self.assertIn("redis-server", said)

    def test_an_old_node_or_java_will_not_do(self):
        for version, code in (("20.19.0", 1), ("22.12.0", 0)):
            machine = Machine(*SHELL)
            machine.put("npm")
            machine.put("node", f'[ "${{#2}}" -gt 0 ] && [ {version.split(".")[0]} -ge 22 ]')
            self.assertEqual(machine.run("make/prerequisites.sh", "--node")[0], code, version)
        for version, missing in (("1.8.0_402", True), ("17.0.15", False), ("21", False)):
            machine = Machine(*SHELL)
            machine.put("java", f"""echo 'openjdk version "{version}" 2025' >&2""")
            self.assertEqual("Java 17" in machine.run("make/prerequisites.sh", "emulator")[1], missing, version)


class Everything(unittest.TestCase):
    """Properties of all files."""

    def test_every_python_package_has_a_hash(self):
        listed = subprocess.run(["git", "ls-files", "*requirements*.txt", "*/requirements/*.txt"], cwd=ROOT, check=True,
                                stdout=subprocess.PIPE, encoding="utf-8").stdout.split()  # fmt: skip
        self.assertGreater(len(listed), 5)
        for name in listed:
            text = (ROOT / name).read_text(encoding="utf-8")
            bare = [line for line in re.sub(r"\\\n", "", text).splitlines() if line and line[0] not in "# " and "--hash" not in line]
            self.assertEqual(bare, [], name)
            self.assertTrue((ROOT / name).with_suffix(".in").exists(), name)

    def test_every_install_from_pypi_asks_for_hashes(self):
        for path in TEXTS:
            for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
                if re.search(r"\bpip\W+install", line):
                    self.assertIn("--require-hashes", line, path)

    def test_no_test_is_skipped_but_by_those_who_fail_in_ci(self):
        pattern = r"#\[ignore|skipTest\(|unittest\.skip|test\.(skip|fixme)\(|SKIPPED"
        found = subprocess.run(
            ["git", "grep", "--extended-regexp", "--name-only", pattern, "--", ":!make/test_make.py", ":!*.md"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8",
        ).stdout.split()  # fmt: skip
        self.assertEqual(found, ["tests/src/skip.rs"])


if __name__ == "__main__":
    unittest.main()
