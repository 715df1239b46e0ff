// The dashboard in a browser. `make test-browser` runs it on both hosts; see the Makefile for what it needs.
import { defineConfig } from "@playwright/test";
import { chromium } from "./harness/chromium.ts";
import type { WorkerOptions } from "./harness/fixtures.ts";

export default defineConfig<object, WorkerOptions>({
  outputDir: "results",
  // Starting a host costs more than a test: tests in a file share one, and run one after the other.
  fullyParallel: false,
  workers: 2,
  // A test that passes at the second try shows a fault of the product or of the test.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  // Much longer than anything should take, for busy machines.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: process.env.CI ? "dot" : "list",
  use: {
    launchOptions: {
      executablePath: chromium(),
      // CI runs as root, where Chromium's sandbox does not work; the pages are our own.
      args: ["--no-sandbox", "--disable-gpu"],
    },
    locale: "en-US",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    actionTimeout: 20_000,
    navigationTimeout: 40_000,
    // Every test is traced, and failed ones are kept, which costs a sixth of the time: only where somebody can look at
    // them.
    trace: process.env.CI ? "off" : "retain-on-failure",
  },
  projects: [
    { name: "server", testDir: "specs", use: { kind: "server" } },
    { name: "functions", testDir: "specs", use: { kind: "functions" } },
    { name: "pictures", testDir: "pictures", use: { kind: "server" } },
  ],
});
