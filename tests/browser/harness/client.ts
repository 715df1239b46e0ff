// What other people and machines do while a page is open: post files, publish readings, and send requests.
import { gzipSync } from "node:zlib";
import type { Host } from "./host.ts";

export interface Alert {
  id: string;
  parameter: string;
  outfall: string;
  base: string;
  /** Null if a percentage would say nothing, as for pH. */
  percent: number | null;
  severity: "critical" | "warning" | "watch" | "info";
  value: number;
  limit: number;
  period: string;
  permit_version: number;
  action: string;
}

export interface Series {
  id: string;
  outfall: string;
  parameter: string;
  base: string;
}

export interface Reading {
  time: number | string;
  species: string;
  concentration: number;
  /** Whether it replaces the readings of its time. */
  replaces?: boolean;
  unit?: string;
  qualifier?: "=" | "<" | ">";
  outfall?: string;
  site?: string;
}

export interface Limit {
  parameter: string;
  value: number;
  statistic: string;
  unit?: string;
  outfall?: string;
  direction?: "max" | "min";
  n?: number;
  months?: number[];
  non_detect?: "zero" | "half" | "full";
  action?: string;
  from?: string;
  until?: string;
}

/** The site's calendar, in a permit's format. */
export interface Calendar {
  time_zone?: string;
  week_starts?: string;
}

export interface Permit {
  site: string;
  default: boolean;
  version: number;
  updated_at: string | null;
  effective_from: string | null;
  time_zone: string;
  week_starts: string;
  versions: { version: number; effective_from: string | null; updated_at: string; limits: number }[];
  limits: Limit[];
}

export interface IngestAnswer {
  id: string;
  digest: string;
  rows_taken: number;
  readings: number;
  alerts: { total: number };
}

const PATIENCE_MS = 20_000;

export class Client {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Posts a file, compressed, as is recommended for large ones. */
  async ingest(csv: string, query: { site?: string; source?: string } = {}): Promise<IngestAnswer> {
    const headers = { "Content-Type": "text/csv", "Content-Encoding": "gzip" };
    const body = new Uint8Array(gzipSync(csv));
    return this.#ask(`/api/ingest?${new URLSearchParams(query)}`, { method: "POST", headers, body });
  }

  /** The ledger's latest files. */
  async files(): Promise<{ id: string; source: string; state: string }[]> {
    return (await this.#ask<{ ingests: { id: string; source: string; state: string }[] }>("/api/ingests")).ingests;
  }

  async alerts(site: string): Promise<Alert[]> {
    return (await this.#ask<{ alerts: Alert[] }>(`/api/alerts?limit=1000&site=${encodeURIComponent(site)}`)).alerts;
  }

  async series(site: string): Promise<Series[]> {
    return (await this.#ask<{ series: Series[] }>(`/api/series?limit=1000&site=${encodeURIComponent(site)}`)).series;
  }

  /** How many readings all series of a site have. */
  async count(site: string): Promise<number> {
    const totals = (await this.series(site)).map(async ({ id }) => {
      const query = new URLSearchParams({ site, series: id, max_points: "2" });
      return (await this.#ask<{ total: number }>(`/api/readings?${query}`)).total;
    });
    return (await Promise.all(totals)).reduce((sum, total) => sum + total, 0);
  }

  /** The permit in force. */
  async inForce(site: string): Promise<Permit> {
    return this.#ask(`/api/permits/${encodeURIComponent(site)}`);
  }

  async limits(site: string): Promise<Limit[]> {
    return (await this.inForce(site)).limits;
  }

  async permit(site: string, limits: Limit[], calendar: Calendar = {}): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ ...calendar, limits });
    await this.#ask(`/api/permits/${encodeURIComponent(site)}`, { method: "PUT", headers, body });
  }

  /** Publishes readings over one WebSocket, in order; resolves when the host has handled all of them. */
  async publish(...readings: Reading[]): Promise<void> {
    const { token, liveUrl } = this.#host;
    const socket = new WebSocket(
      liveUrl,
      token ? ["owsc", `owsc.bearer64.${Buffer.from(token).toString("base64url")}`] : [],
    );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error("no answer to what was published")), PATIENCE_MS);
    socket.onerror = () => reject(new Error(`no connection to ${liveUrl}`));
    socket.onopen = () => {
      for (const reading of readings) socket.send(JSON.stringify(reading));
      // Messages of a connection are handled in order: the answer to the last means that all were.
      socket.send(JSON.stringify({ type: "ping" }));
    };
    socket.onmessage = ({ data }) => {
      const frames: { type: string; detail?: string }[] = [JSON.parse(String(data))].flat();
      const refusal = frames.find(({ type }) => type === "error");
      if (refusal) reject(new Error(`refused: ${refusal.detail}`));
      if (frames.some(({ type }) => type === "pong")) resolve();
    };
    await promise.finally(() => {
      clearTimeout(timer);
      socket.close();
    });
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const { token, origin } = this.#host;
    const headers = { ...init.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(origin + path, { ...init, headers });
    if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<T>;
  }
}
