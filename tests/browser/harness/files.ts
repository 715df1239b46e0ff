// Paths in the repository.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** The programs under test; `make test-browser` builds them first. */
export const BINARIES = resolve(ROOT, process.env.OWSC_BIN_DIR ?? "target/debug");

/** EPA's effluent chart of a real permit, which is also the demonstration file. */
export const ECHO_PATH = resolve(ROOT, "tests/fixtures/echo-effluent-chart-TX0119407.csv");
export const ECHO = readFileSync(ECHO_PATH, "utf8");
