// The host under test: `owsc serve`, or the functions behind the local API Gateway, with its own database.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "./client.ts";
import { BINARIES, ECHO, ROOT } from "./files.ts";

export type Kind = "server" | "functions";

export interface HostOptions {
  /** Environment variables of the product. */
  env?: Record<string, string>;
  /** The token that the host requires. */
  token?: string;
  /** EPA's chart at the site `demo`: `owsc serve` loads it, and for functions it is posted. */
  demo?: boolean;
  /** The length of a minute in the functions' schedules, such as `1s`. */
  minute?: string;
}

/** The contents of a host's ready line. */
interface Ready {
  ready: string;
  live: string;
}

/** Debug builds on a busy machine are slow. */
const START_MS = 60_000;
const STOP_MS = 30_000;

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => void child.kill("SIGKILL")));

export class Host {
  readonly kind: Kind;
  readonly token: string | undefined;
  readonly #options: HostOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), "owsc-browser-"));
  #child: ChildProcess | undefined;
  #log = "";
  /** Kept over a restart, because a page keeps using the same address. */
  #ready: Ready | undefined;

  constructor(kind: Kind, options: HostOptions = {}) {
    this.kind = kind;
    this.token = options.token;
    this.#options = options;
  }

  get origin(): string {
    return this.#listening.ready;
  }

  /** The WebSocket that accepts readings and sends all events. */
  get liveUrl(): string {
    return this.#listening.live;
  }

  get #listening(): Ready {
    if (!this.#ready) throw new Error("the host has not been started");
    return this.#ready;
  }

  /** The host's output: its log, preceded by what it prints when it starts. */
  get log(): string {
    return this.#log;
  }

  /** Starts it, at first on a free port, and waits until it listens. */
  async start(): Promise<void> {
    const child = spawn(this.#program(), this.#arguments(), { cwd: this.#directory, env: this.#environment() });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#log += bytes.toString();
    });
    const isFirst = !this.#ready;
    this.#ready = await this.#comesUp(child);
    if (isFirst && this.#options.demo && this.kind === "functions") {
      await new Client(this).ingest(ECHO, { site: "demo", source: "echo-effluent-chart-TX0119407.csv" });
    }
  }

  /** SIGTERM, and waits for the exit: connections are closed with a handshake. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** SIGKILL: like a crash, or a lost network. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops it for good, and removes its data. */
  async dispose(): Promise<void> {
    // SIGTERM first, so that the gateway ends its functions, too.
    try {
      await this.stop().catch(() => this.kill());
    } finally {
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }

  #program(): string {
    return join(BINARIES, this.kind === "server" ? "owsc" : "local-gateway");
  }

  #arguments(): string[] {
    const [port, data] = [this.#ready ? new URL(this.#ready.ready).port : "0", join(this.#directory, "data")];
    const demo = this.#options.demo ? ["--demo"] : [];
    if (this.kind === "server") return ["serve", "--port", port, "--ready-line", "--database", "embedded", ...demo];
    const env = { OW_SC_METRICS_PROTECT: "0", LOG_FORMAT: "text", ...this.#settings() };
    const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const template = join(ROOT, "template.yaml");
    const minute = this.#options.minute ? ["--minute", this.#options.minute] : [];
    return [
      "--template",
      template,
      "--binaries",
      BINARIES,
      "--port",
      port,
      "--ready-line",
      "--data-dir",
      data,
      ...minute,
      ...variables,
    ];
  }

  /** None of the developer's own settings may reach the program under test. */
  #environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(OW_SC_|LOG_)/.test(name));
    const product =
      this.kind === "server" ? { OW_SC_DATA_DIR: join(this.#directory, "data"), ...this.#settings() } : {};
    return { ...Object.fromEntries(own), ...product };
  }

  /** Many tests share a host and send requests faster than a person; those about the limit set their own. */
  #settings(): Record<string, string> {
    const { env, token } = this.#options;
    return { OW_SC_RL_PER_SEC: "100000", ...(token ? { OW_SC_API_TOKEN: token } : {}), ...env };
  }

  async #comesUp(child: ChildProcess): Promise<Ready> {
    const { stdout } = child;
    if (!stdout) throw new Error("no standard output");
    const { promise, resolve, reject } = Promise.withResolvers<Ready>();
    const fail = (what: string) => reject(new Error(`the host ${what}\n${this.#log}`));
    // Drained for the host's lifetime, so that it never blocks on a full pipe.
    createInterface(stdout).once("line", (line) => {
      try {
        resolve(JSON.parse(line) as Ready);
      } catch {
        fail(`said ${line} in place of where it is`);
      }
    });
    child.once("error", (error) => fail(`did not start: ${error.message}`));
    child.once("exit", (code) => fail(`ended with ${code} before it was listening`));
    const timer = setTimeout(() => fail("did not come up in time"), START_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !running.has(child)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    child.kill(signal);
    const timer = setTimeout(() => reject(new Error(`the host does not end\n${this.#log}`)), STOP_MS);
    await promise.finally(() => clearTimeout(timer));
  }
}
