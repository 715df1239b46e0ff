// `test` with a host, and a watch over every page.
import { test as base } from "@playwright/test";
import { Client } from "./client.ts";
import { Dashboard } from "./dashboard.ts";
import { Host, type HostOptions, type Kind } from "./host.ts";
import { Watch } from "./watch.ts";

export { expect } from "@playwright/test";

export interface WorkerOptions {
  /** The host under test. */
  kind: Kind;
}

/** The number of log lines that explain a failure. */
const LOG_LINES = 60;

/** The shared host, once a test has requested it. */
let shared: Host | undefined;

interface WorkerFixtures extends WorkerOptions {
  /** A host with the demonstration data, shared by the tests of a worker: they must leave the site `demo` alone. */
  demo: Host;
}

interface TestFixtures {
  /** Starts a host for this test alone. */
  startHost: (options?: HostOptions) => Promise<Host>;
  /** Watches for what must not happen on any page of the test. */
  watch: Watch;
  /** The dashboard in the test's page. */
  dashboard: Dashboard;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  kind: ["server", { option: true, scope: "worker" }],

  demo: [
    async ({ kind }, use) => {
      const host = new Host(kind, { demo: true });
      try {
        await host.start();
        shared = host;
        await use(host);
      } finally {
        shared = undefined;
        await host.dispose();
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],

  startHost: async ({ context, kind }, use, info) => {
    const hosts: Host[] = [];
    await use(async (options) => {
      const host = new Host(kind, options);
      hosts.push(host);
      await host.start();
      return host;
    });
    // First, since otherwise they would report that their host is gone.
    await Promise.all(context.pages().map((page) => page.close()));
    for (const host of hosts) {
      if (info.status !== info.expectedStatus) print("the host", host.log);
      await host.dispose();
    }
  },

  watch: [
    async ({ context }, use, info) => {
      const watch = await Watch.over(context);
      const logged = shared?.log.length ?? 0;
      await use(watch);
      if (shared && info.status !== info.expectedStatus) print("the shared host", shared.log.slice(logged));
      watch.assertQuiet();
    },
    { auto: true },
  ],

  dashboard: async ({ page }, use) => {
    await use(new Dashboard(page));
  },
});

/** The client of a host, for actions outside the page. */
export function client(host: Host): Client {
  return new Client(host);
}

function print(what: string, log: string): void {
  const lines = log.split("\n").slice(-LOG_LINES);
  process.stderr.write(`--- log of ${what} ---\n${lines.join("\n")}\n`);
}
