// The browser for the tests: Debian's, so that only packages are downloaded.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of Chromium: `CHROMIUM`, or the first one installed. */
export function chromium(): string {
  const given = process.env.CHROMIUM;
  if (given) return given;
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(runs);
  if (!found) throw new Error(`no browser: install chromium, or say where one is in CHROMIUM (tried ${NAMES})`);
  return found;
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
