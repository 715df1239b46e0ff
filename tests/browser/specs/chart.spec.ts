// The chart: what it draws, how it moves, and what it exports.
import { readFile } from "node:fs/promises";
import { moment, records, START, tidy } from "../harness/csv.ts";
import type { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const DAY_US = 86_400_000_000;
/** Readings of 50 days, ten minutes apart: more than a chart has points. */
const ROWS = 7200;
const SITE = "chart";

test.beforeAll(async ({ demo }) => {
  await client(demo).ingest(tidy(ROWS, { stepMs: 600_000, peak: 1000 }), { site: SITE });
});

async function download(dashboard: Dashboard, button: string): Promise<{ name: string; bytes: Buffer }> {
  const waiting = dashboard.page.waitForEvent("download");
  await dashboard.button(button).click();
  const file = await waiting;
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

test("all readings are counted, fewer are drawn, and no peak is lost", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  expect(await dashboard.says("total")).toBe(ROWS);
  const points = await dashboard.says("points");
  expect(points).toBeGreaterThan(500);
  expect(points).toBeLessThan(ROWS);
  // Each peak of 900 exceeds the limit, wherever the readings are thinned.
  expect(await dashboard.says("exceedances")).toBeGreaterThanOrEqual(ROWS / 1000);
});

test("range buttons are those shorter than the record, and show that much of its end", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  const names = await dashboard.range.getByRole("button").allTextContents();
  expect(names).toEqual(["All", "30 days", "7 days", "24 hours"]);
  const all = await dashboard.visible();
  for (const [name, days] of [
    ["7 days", 7],
    ["24 hours", 1],
  ] as const) {
    await dashboard.range.getByRole("button", { name }).click();
    await expect.poll(async () => (await dashboard.visible()).width / DAY_US).toBeCloseTo(days, 1);
    // A margin at the end hides no readings.
    expect((await dashboard.visible()).to).toBeGreaterThanOrEqual((START + (ROWS - 1) * 600_000) * 1000);
  }
  await dashboard.range.getByRole("button", { name: "All" }).click();
  await expect.poll(async () => (await dashboard.visible()).width).toBe(all.width);
});

test("the buttons zoom and move", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  const all = await dashboard.visible();
  await dashboard.button("Zoom in").click();
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(all.width);
  const near = await dashboard.visible();
  await dashboard.button("Earlier").click();
  await expect.poll(async () => (await dashboard.visible()).from).toBeLessThan(near.from);
  const earlier = await dashboard.visible();
  await dashboard.button("Later").click();
  await expect.poll(async () => (await dashboard.visible()).from).toBeGreaterThan(earlier.from);
  await dashboard.button("Zoom out").click();
  await expect.poll(async () => (await dashboard.visible()).width).toBeGreaterThan(near.width);
});

test("the wheel zooms at the pointer, and dragging pans", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: SITE });
  const all = await dashboard.visible();
  await dashboard.chart.scrollIntoViewIfNeeded();
  const scrolled = await page.evaluate(() => scrollY);
  const box = await dashboard.chart.boundingBox();
  if (!box) throw new Error("the chart is nowhere");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.8, y);
  for (let turn = 0; turn < 3; turn++) await page.mouse.wheel(0, -240);
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(all.width * 0.8);
  const near = await dashboard.visible();
  // The point under the pointer stays in place: more was cut off before it than after it.
  expect(near.from - all.from).toBeGreaterThan(all.to - near.to);
  expect(await page.evaluate(() => scrollY), "the page stays where it is").toBe(scrolled);

  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, y, { steps: 5 });
  await page.mouse.up();
  await expect.poll(async () => (await dashboard.visible()).from).toBeLessThan(near.from);
  const moved = await dashboard.visible();
  expect(Math.abs(moved.width - near.width) / near.width).toBeLessThan(0.01);
});

test("a range is in the address, and a bookmark of it comes back to it", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: SITE });
  await dashboard.range.getByRole("button", { name: "7 days" }).click();
  await expect.poll(async () => (await dashboard.visible()).width / DAY_US).toBeCloseTo(7, 1);
  await expect.poll(() => page.url()).toContain("from=");
  const before = await dashboard.visible();
  await page.reload();
  await dashboard.drawn();
  const after = await dashboard.visible();
  expect(Math.abs(after.from - before.from)).toBeLessThan(2_000_000);
  expect(Math.abs(after.to - before.to)).toBeLessThan(2_000_000);
});

test("an incident is found in the chart", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  const all = await dashboard.visible();
  await dashboard.incidents.last().getByRole("button").first().click();
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(all.width);
  const { from, to } = await dashboard.visible();
  // The oldest incident is the first peak.
  const peak = (START + 999 * 600_000) * 1000;
  expect(from).toBeLessThanOrEqual(peak);
  expect(to).toBeGreaterThanOrEqual(peak);
});

test("levels are chosen, and only their incidents are listed", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  // A user never sees a violation as mere information.
  for (const [level, severity] of [
    ["Critical", "critical"],
    ["Warning", "warning"],
    ["Watch", "watch"],
    ["Minor", "info"],
  ] as const) {
    const box = page.getByRole("group", { name: "Levels" }).getByRole("checkbox", { name: level });
    await box.uncheck();
    await expect(dashboard.incidents.and(page.locator(`[data-severity=${severity}]`))).toHaveCount(0);
  }
  await expect(dashboard.incidents).toHaveCount(0);
  await page.getByRole("checkbox", { name: "Minor" }).check();
  await expect(dashboard.incidents.first()).toHaveAttribute("data-severity", "info");
});

test("an exported CSV has every reading of the range, not only those drawn", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  const { name, bytes } = await download(dashboard, "Export CSV");
  expect(name).toMatch(/\.csv$/);
  const rows = records(bytes.toString());
  expect(rows).toHaveLength(ROWS);
  const posted = records(tidy(ROWS, { stepMs: 600_000, peak: 1000 }));
  const pairs = (list: Record<string, string>[], value: string) =>
    list.map((row) => `${moment(Date.parse(row.time ?? ""))} ${Number(row[value])}`);
  const column = ["concentration", "value"].find((key) => rows[0] && key in rows[0]) ?? "no such column";
  expect(pairs(rows, column)).toEqual(pairs(posted, "concentration"));
});

test("an exported CSV of a range has that range, and can be uploaded again", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  await dashboard.range.getByRole("button", { name: "24 hours" }).click();
  await expect.poll(async () => (await dashboard.visible()).width / DAY_US).toBeCloseTo(1, 1);
  const { from, to } = await dashboard.visible();
  const inRange = Array.from({ length: ROWS }, (_, row) => (START + row * 600_000) * 1000);
  const expected = inRange.filter((time) => time >= from && time <= to).length;
  const { bytes } = await download(dashboard, "Export CSV");
  expect(records(bytes.toString())).toHaveLength(expected);
  expect((await client(demo).ingest(bytes.toString(), { site: "chart-again" })).readings).toBe(expected);
});

test("an exported PNG is a picture of the chart", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: SITE });
  const { name, bytes } = await download(dashboard, "Export PNG");
  expect(name).toMatch(/\.png$/);
  expect(bytes.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  expect(bytes.readUInt32BE(16), "width").toBeGreaterThan(400);
  expect(bytes.readUInt32BE(20), "height").toBeGreaterThan(150);
  // An empty picture of that size compresses to almost nothing.
  expect(bytes.length).toBeGreaterThan(10_000);
});

test("the readings are there as a table, too, non-detects with their sign", async ({ dashboard, demo, page }) => {
  const site = "chart-detects";
  const rows = ["2026-03-01T00:00:00Z,As,0.002,<", "2026-03-02T00:00:00Z,As,0.02,=", "2026-03-03T00:00:00Z,As,0.001,<"];
  await client(demo).ingest(`time,species,concentration,qualifier\n${rows.join("\n")}\n`, { site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.chart).toHaveAttribute("data-total", "3");
  await expect(dashboard.chart).toHaveAttribute("data-exceedances", "1");
  await dashboard.button("Show as table").click();
  const table = page.getByRole("table", { name: "Readings" });
  await expect(table.locator("tbody").getByRole("row")).toHaveCount(3);
  await expect(table).toContainText(/<\s?0\.002/);
  // Each with the limit it was compared with, and the verdict.
  const verdicts = await table.locator("tbody tr td:last-child").allTextContents();
  expect(verdicts.map((text) => text.trim()).toSorted()).toEqual(["Critical", "Within limits", "Within limits"]);
  for (const limit of await table.locator("tbody tr td:nth-child(4)").allTextContents())
    expect(limit).toBe("≤ 0.01 mg/L");
  await expect(page.getByRole("region", { name: "Chart" })).toContainText(/non-detect|not detected/i);
  await dashboard.button("Show as table").click();
  await expect(table).toBeHidden();
});

test("a seasonal limit is a reading's limit in its season alone", async ({ dashboard, demo, page }) => {
  const site = "chart-season";
  const summer = { parameter: "NH3", value: 2, unit: "mg/L", statistic: "instant", months: [6, 7, 8] };
  const winter = { ...summer, value: 9, months: [12, 1, 2] };
  await client(demo).permit(site, [summer, winter]);
  const rows = ["2024-01-31,NH3,5", "2024-04-15,NH3,6", "2024-06-01,NH3,5", "2024-08-31,NH3,1"];
  await client(demo).ingest(`time,species,concentration\n${rows.join("\n")}\n`, { site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.chart).toHaveAttribute("data-exceedances", "1");
  await dashboard.button("Show as table").click();
  const table = page.getByRole("table", { name: "Readings" });
  const column = (of: number) => table.locator(`tbody tr td:nth-child(${of})`).allTextContents();
  expect(await column(1)).toEqual(["2024-08-31", "2024-06-01", "2024-04-15", "2024-01-31"]);
  expect(await column(4)).toEqual(["≤ 2 mg/L", "≤ 2 mg/L", "none", "≤ 9 mg/L"]);
  expect((await column(5)).map((text) => text.trim())).toEqual([
    "Within limits",
    "Critical",
    "No limit",
    "Within limits",
  ]);
});

test("a parameter that is reported in several ways has its series to choose from", async ({
  dashboard,
  demo,
  page,
}) => {
  await dashboard.openLive(demo, { site: "demo" });
  const parameter = "BOD, carbonaceous [5 day, 20 C]";
  const known = (await client(demo).series("demo")).filter((series) => series.parameter === parameter);
  expect(known.length).toBeGreaterThan(1);
  await dashboard.tile(parameter).first().click();
  const choice = page.getByRole("combobox", { name: "Series" });
  const values = await choice
    .locator("option")
    .evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
  expect(values.length).toBeGreaterThan(1);
  const other = values.find((value) => !page.url().includes(value)) ?? "";
  await choice.selectOption(other);
  await expect.poll(() => page.url()).toContain(other);
  await dashboard.drawn();
});
