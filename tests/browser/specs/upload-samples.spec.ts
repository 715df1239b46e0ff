// What laboratories really send: replicates, blanks, flags, empty rows. No row disappears silently.
import { expectAccessible } from "../harness/axe.ts";
import type { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const SULFATE = { parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant" };

const SAMPLES = `time,species,concentration,unit,qualifier,sample_type,sample_id
2024-03-02,SO4,410,mg/L,,Routine,
2024-03-02,SO4,120,mg/L,,Routine,
2024-03-02,SO4,120,mg/L,,Routine,
2024-03-03T09:30:00Z,SO4,200,mg/L,J,Routine,A-1
2024-03-03T09:30:00Z,SO4,200,mg/L,J,Routine,A-1
2024-03-03T09:30:00Z,SO4,<5,mg/L,,Field Blank,A-2
2024-03-04T09:30:00Z,SO4,300,mg/L,U,Routine,A-3
2024-03-05,SO4,,mg/L,NS,Routine,
2024-03-06,SO4,7,mg/L,XYZ,Routine,
yesterday,SO4,210,mg/L,,Routine,
2024-03-08,SO4,-5,mg/L,,Routine,
`;

async function upload(dashboard: Dashboard, name: string, csv: string, site: string): Promise<void> {
  await dashboard.choose({ name, csv }, site);
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
}

/** Decides about the file, with a reason. */
async function decide(dashboard: Dashboard, title: string, button: string, reason: string): Promise<void> {
  await dashboard.result.getByRole("button", { name: title }).click();
  await dashboard.decide(button, reason);
}

test("a file with replicates, a blank, flags and refused rows shows all of it", async ({ dashboard, demo, page }) => {
  const site = "samples-all";
  await client(demo).permit(site, [SULFATE]);
  await dashboard.open(demo, "Upload");
  await upload(dashboard, "samples.csv", SAMPLES, site);
  expect(await dashboard.counted("rows-taken")).toBe(7);
  expect(await dashboard.counted("rows-repeated"), "alike in every column, with a sample id").toBe(1);
  expect(await dashboard.counted("rows-without")).toBe(1);
  expect(await dashboard.counted("rows-refused")).toBe(2);
  expect(await dashboard.counted("quality-control")).toBe(1);
  expect(await dashboard.counted("inconclusive"), "not detected at 300 says nothing about 250").toBe(1);
  expect(await dashboard.counted("alerts-found")).toBe(1);
  await expect(dashboard.result).toContainText(/Flags of the laboratory: .*J \(\d\)/);
  await expect(dashboard.result).toContainText(/Rows without a reading: .*NS/);
  await expect(page.getByTestId("how-read")).toContainText("Read as UTF-8");
  const refused = page.getByRole("table", { name: "Refused rows" });
  await expect(refused).toContainText("XYZ");
  await expect(refused).toContainText("yesterday");
  await expect(page.getByRole("table", { name: "Warnings" })).toContainText("-5");
  await expectAccessible(page, "the account of a file with samples");

  await dashboard.openLive(demo, { site });
  await expect(dashboard.chart).toHaveAttribute("data-points", "6");
  await dashboard.button("Show as table").click();
  const table = page.getByRole("table", { name: "Readings" });
  const rows = table.locator("tbody").getByRole("row");
  await expect(rows).toHaveCount(6);
  await expect(rows.filter({ hasText: "120" }), "both of the day").toHaveCount(2);
  await expect(rows.filter({ hasText: "300" })).toContainText("Inconclusive");
  await expect(rows.filter({ hasText: "200" })).toContainText("J");
  await expect(page.getByRole("region", { name: "Chart" })).toContainText("1 of quality control not shown.");
  await dashboard.button("Show quality control").click();
  await expect(rows).toHaveCount(7);
  await expect(rows.filter({ hasText: /<\s?5/ })).toContainText("Quality control, not judged");
});

test("refused rows are dealt with and the file is withdrawn, each with a reason", async ({ dashboard, demo, page }) => {
  const site = "samples-decided";
  await client(demo).permit(site, [SULFATE]);
  await dashboard.open(demo, "Upload");
  await upload(dashboard, "decided.csv", SAMPLES, site);
  expect(await client(demo).alerts(site)).toHaveLength(1);

  await decide(dashboard, "Refused rows are dealt with", "They are dealt with", "Lines of the laboratory's footer");
  await expect(page.getByRole("status").filter({ hasText: "noted as dealt with" })).toBeVisible();
  await expect(dashboard.result).toContainText("Lines of the laboratory's footer");

  await decide(dashboard, "Withdraw this file", "Withdraw", "Of another plant");
  await expect(page.getByRole("status").filter({ hasText: "The file is withdrawn" })).toBeVisible();
  await expect(dashboard.result).toContainText("Of another plant");
  await expect.poll(() => client(demo).alerts(site)).toEqual([]);
  await expectAccessible(page, "a file that was withdrawn");

  await dashboard.result.getByRole("link", { name: "See it among the files" }).click();
  await expect(page.getByTestId("file-record")).toContainText("Of another plant");
  await expect(page.getByRole("button", { name: "Withdraw this file" })).toHaveCount(0);
});

test("without a reason nothing is withdrawn", async ({ dashboard, demo, page }) => {
  const site = "samples-no-reason";
  await dashboard.open(demo, "Upload");
  await upload(dashboard, "kept.csv", "time,species,concentration\n2024-03-01,SO4,900\n", site);
  await decide(dashboard, "Withdraw this file", "Withdraw", "   ");
  await expect(page.getByRole("alert")).toContainText("A reason is needed");
  expect(await client(demo).alerts(site)).toHaveLength(1);
});

test("what a later file replaces is listed, before and now", async ({ dashboard, demo, page }) => {
  const site = "samples-replaced";
  await client(demo).permit(site, [SULFATE]);
  await client(demo).ingest("time,species,concentration\n2024-03-01T00:00:00Z,SO4,300\n", { site });
  await dashboard.open(demo, "Upload");
  await upload(dashboard, "revised.csv", "time,species,concentration\n2024-03-01T00:00:00Z,SO4,200\n", site);
  expect(await dashboard.counted("readings-replaced")).toBe(1);
  const row = page.getByRole("table", { name: "Replaced readings" }).locator("tbody").getByRole("row");
  await expect(row).toHaveCount(1);
  await expect(row.locator("td").nth(3)).toContainText("300");
  await expect(row.locator("td").nth(4)).toContainText("200");
  expect(await client(demo).alerts(site)).toEqual([]);
});
