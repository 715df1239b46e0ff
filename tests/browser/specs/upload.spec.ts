// A file, from the choice to the verdict.
import { readFile } from "node:fs/promises";
import { records, tidy } from "../harness/csv.ts";
import { ECHO_PATH } from "../harness/files.ts";
import { client, expect, test } from "../harness/fixtures.ts";

/** Two readable rows, and four unreadable ones. */
const MIXED = `time,species,concentration
2026-03-01T00:00:00Z,SO4,200
2026-03-01T06:00:00Z,SO4,twelve
yesterday,SO4,210
2026-03-01T12:00:00Z,SO4,900
2026-03-01T18:00:00Z,,215
2026-03-02T00:00:00Z,SO4,NaN
`;
const REFUSED = [
  { line: "3", column: "concentration", text: "twelve" },
  { line: "4", column: "time", text: "yesterday" },
  { line: "6", column: "species", text: "" },
  { line: "7", column: "concentration", text: "NaN" },
];

test("a good file is taken whole, and its alerts are told", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "good.csv", csv: tidy(48, { peak: 24 }) }, "upload-good");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-taken")).toBe(48);
  expect(await dashboard.counted("rows-refused")).toBe(0);
  const alerts = await client(demo).alerts("upload-good");
  expect(alerts.length).toBeGreaterThan(0);
  expect(await dashboard.counted("alerts-found")).toBe(alerts.length);
  await expect(page.getByRole("table", { name: "Refused rows" })).toHaveCount(0);
});

test("what was uploaded is on the overview of its site", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "seen.csv", csv: tidy(24, { species: "Ni" }) }, "upload-seen");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await dashboard.go("Overview");
  await page.getByRole("combobox", { name: "Site" }).selectOption("upload-seen");
  await expect(dashboard.tile("Ni")).toBeVisible();
  await dashboard.drawn();
  await expect(dashboard.chart).toHaveAttribute("data-total", "24");
});

test("the same file a second time is known, and changes nothing", async ({ dashboard, demo }) => {
  const csv = tidy(10, { peak: 5 });
  await client(demo).ingest(csv, { site: "upload-again" });
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "again.csv", csv }, "upload-again");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "known");
  expect(await client(demo).count("upload-again")).toBe(10);
});

test("each refused row is listed with line, column, text and reason, and the list can be kept", async ({
  dashboard,
  demo,
  page,
}) => {
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "mixed.csv", csv: MIXED }, "upload-mixed");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-taken")).toBe(2);
  expect(await dashboard.counted("rows-refused")).toBe(REFUSED.length);

  const rows = page.getByRole("table", { name: "Refused rows" }).locator("tbody").getByRole("row");
  await expect(rows).toHaveCount(REFUSED.length);
  const shown: string[][] = [];
  for (const [index, { line, column, text }] of REFUSED.entries()) {
    const cells = await rows.nth(index).locator("th, td").allTextContents();
    shown.push(cells);
    expect([cells[0], cells[1]]).toEqual([line, column]);
    expect(cells[2]).toContain(text);
    expect(cells[3]).toMatch(/\w{3}/);
  }

  const waiting = page.waitForEvent("download");
  await dashboard.button("Download refused rows").click();
  const download = await waiting;
  expect(download.suggestedFilename()).toMatch(/\.csv$/);
  const kept = records(await readFile(await download.path(), "utf8"));
  expect(kept.map(({ line, column, text }) => ({ line, column, text }))).toEqual(REFUSED);
  expect(kept.map(({ reason }) => reason)).toEqual(shown.map((cells) => cells[3]));
});

test("with the strict box ticked, one bad row refuses the whole file", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 422/);
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "strict.csv", csv: MIXED }, "upload-strict");
  await page.getByRole("checkbox", { name: "Refuse the whole file if one row is bad" }).check();
  await dashboard.button("Upload").click();
  await expect(page.getByRole("alert")).toContainText(/row/i);
  await expect(dashboard.result).toHaveAttribute("data-status", "refused");
  expect(await client(demo).series("upload-strict")).toEqual([]);
});

test("a file without a header that is known is refused in the server's words", async ({
  dashboard,
  demo,
  page,
  watch,
}) => {
  watch.expect(/status of 422/);
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "poem.csv", csv: "roses,violets\nred,blue\n" }, "upload-poem");
  await dashboard.button("Upload").click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("roses");
  await expect(alert).toContainText("violets");
});

test("an empty file is refused, and the next file can follow at once", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 400/);
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "empty.csv", csv: "" }, "upload-next");
  await dashboard.button("Upload").click();
  await expect(page.getByRole("alert")).toContainText(/empty/i);
  await dashboard.choose({ name: "full.csv", csv: tidy(5) }, "upload-next");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a file can be dropped", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  const csv = tidy(7);
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
    return transfer;
  }, csv);
  const zone = page.getByTestId("dropzone");
  await zone.dispatchEvent("dragenter", { dataTransfer: data });
  await zone.dispatchEvent("dragover", { dataTransfer: data });
  await zone.dispatchEvent("drop", { dataTransfer: data });
  await expect(zone).toContainText("dropped.csv");
  await page.getByRole("textbox", { name: "Site of the readings" }).fill("upload-dropped");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await client(demo).count("upload-dropped")).toBe(7);
});

test("EPA's effluent chart is taken with its eight exceedances", async ({ dashboard, demo }) => {
  await dashboard.open(demo, "Upload");
  await dashboard.choose(ECHO_PATH, "upload-epa");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("alerts-found")).toBe(8);
});

test("300,000 rows are taken while the page shows how far it is, and stays usable", async ({
  dashboard,
  page,
  startHost,
}) => {
  test.setTimeout(120_000);
  const host = await startHost();
  await dashboard.open(host, "Upload");
  await dashboard.choose({ name: "long.csv", csv: tidy(300_000, { stepMs: 1000, peak: 50_000 }) }, "long");
  const progress = page.getByRole("progressbar", { name: "Upload progress" });
  await dashboard.button("Upload").click();
  await expect(progress).toBeVisible();
  // The page stays responsive while the file is sent.
  await expect(page.getByRole("navigation", { name: "Views" })).toBeVisible();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored", { timeout: 90_000 });
  expect(await dashboard.counted("rows-taken")).toBe(300_000);
  expect(await client(host).count("long")).toBe(300_000);
  await expect(progress).toBeHidden();
});
