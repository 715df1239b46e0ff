// An integrator's program, with the types generated from the API's documentation. It is compiled, and run against both
// hosts: `client.ts ORIGIN`, with the token in OW_SC_API_TOKEN.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Time = components["schemas"]["Time"];
type Alert = components["schemas"]["Alert"];

const SITE = "Werk Süd 50% ?#&+";
const token = process.env.OW_SC_API_TOKEN;
const client = createClient<paths>({
  baseUrl: process.argv[2] ?? "http://127.0.0.1:8000",
  headers: token ? { Authorization: `Bearer ${token}` } : {},
});

/** Times are a number of hours or a text, and nothing else: this compiles only if the document says so. */
function shown(time: Time): string {
  return typeof time === "number" ? `${time.toFixed(1)} h` : time.slice(0, 10);
}

async function putPermit(): Promise<number> {
  const { data, error } = await client.PUT("/api/permits/{site}", {
    params: { path: { site: SITE } },
    body: { limits: [{ parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant", direction: "max" }] },
  });
  assert(data, error?.error.message);
  assert.equal(data.site, SITE);
  assert.deepEqual(
    data.limits.map(({ parameter, value }) => [parameter, value]),
    [["SO4", 250]],
  );
  return data.version;
}

async function sendFile(): Promise<void> {
  const rows = ["time,species,concentration,unit", "2026-03-01T06:00:00Z,SO4,251.2,mg/L", "2026-03-02,SO4,249,mg/L"];
  const { data, error, response } = await client.POST("/api/ingest", {
    params: { query: { site: SITE, source: "client.csv" } },
    headers: { "Content-Type": "text/csv" },
    body: rows.join("\n"),
    bodySerializer: (body) => body,
  });
  assert(data, error?.error.message);
  assert(response.headers.get("X-Request-ID"));
  assert.ok("readings" in data && data.readings === 2, JSON.stringify(data));
}

async function readBack(): Promise<Alert[]> {
  const query = { site: SITE };
  const { data: series } = await client.GET("/api/series", { params: { query } });
  const [first] = series?.series ?? [];
  assert(first);
  const { data: readings } = await client.GET("/api/readings", { params: { query: { ...query, series: first.id } } });
  assert.deepEqual(
    readings?.readings.map(({ time, value }) => [shown(time), value]),
    [
      ["2026-03-01", 251.2],
      ["2026-03-02", 249],
    ],
  );
  const { data: overview } = await client.GET("/api/overview", { params: { query } });
  const [standing] = overview?.series ?? [];
  assert(standing?.last_exceedance);
  assert.equal(shown(standing.last_exceedance), "2026-03-01");
  const [time, ...rest] = standing.spark[0] ?? [];
  assert(time !== undefined);
  assert.deepEqual([shown(time), ...rest], ["2026-03-01", 251.2, "="]);
  const { data: status } = await client.GET("/api/status", { params: { query } });
  const latest = status?.sites[0]?.latest;
  assert(latest && shown(latest) === "2026-03-02");
  const { data: page } = await client.GET("/api/alerts", { params: { query: { ...query, limit: 10 } } });
  assert(page);
  return page.alerts;
}

async function readEvents(): Promise<string[]> {
  const { data } = await client.GET("/api/streams", { params: { query: { site: SITE } } });
  assert(data);
  return data.data.map((event) => {
    // Only alerts have `withdrawn`.
    if (event.type === "alerts") assert.deepEqual(event.withdrawn, []);
    return event.type;
  });
}

async function beRefused(): Promise<void> {
  const { error, response } = await client.POST("/api/permits/{site}/preview", {
    params: { path: { site: SITE } },
    body: { limits: [{ parameter: "SO4", value: 1, unit: "bananas", statistic: "instant" }] },
  });
  assert.equal(response.status, 422);
  assert(error?.error.details && "fields" in error.error.details);
  assert.equal(error.error.details.fields[0]?.field, "limits[0].unit");
}

const version = await putPermit();
await sendFile();
const alerts = await readBack();
assert.deepEqual(
  alerts.map(({ time, severity, permit_version }) => [shown(time), severity, permit_version]),
  [["2026-03-01", "info", version]],
);
assert.deepEqual([...new Set(await readEvents())].sort(), ["alerts", "ingest", "readings"]);
await beRefused();
process.stdout.write("The generated client reads, writes and is refused as the document says.\n");
