// A permit over time: a renewal begins on its day, a correction replaces a version, and a preview shows either first.
import type { Locator } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import { type Editor, openEditor, SULFATE } from "../harness/editor.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

/** Two readings in each half of 2024, one of them beyond 250. */
async function prepare(host: Host, site: string): Promise<void> {
  await client(host).permit(site, [SULFATE]);
  const rows = ["2024-02-01,SO4,200", "2024-03-01,SO4,260", "2024-08-01,SO4,200", "2024-09-01,SO4,260"];
  await client(host).ingest(`time,species,concentration\n${rows.join("\n")}\n`, { site });
}

/** The value and limit of each alert, by day. */
async function judged(host: Host, site: string): Promise<[string, number, number][]> {
  const alerts = await client(host).alerts(site);
  const told = alerts.map(({ period, value, limit }): [string, number, number] => [period, value, limit]);
  return told.toSorted(([a], [b]) => a.localeCompare(b));
}

const FIRST_HALF: [string, number, number] = ["2024-03-01", 260, 250];

const versions = (editor: Editor): Locator => editor.page.getByTestId("version");
const renewal = (editor: Editor): Locator => editor.page.getByRole("radio", { name: "New permit from a date" });

test("a renewal of a permit in mid-year leaves the first half as it was", async ({ dashboard, demo, page }) => {
  const site = "versions-renewed";
  await prepare(demo, site);
  expect(await judged(demo, site)).toEqual([FIRST_HALF, ["2024-09-01", 260, 250]]);
  const editor = await openEditor(page, demo, site);
  await expect(versions(editor)).toHaveCount(1);
  await editor.input("Limit 1").fill("150");
  await renewal(editor).check();
  await page.getByLabel("First day", { exact: true }).fill("2024-07-01");
  await editor.button("Preview").click();
  const preview = page.getByRole("region", { name: "Preview" });
  await expect(preview).toContainText("With these limits from 2024-07-01");
  await expect(page.getByTestId("preview-total"), "one of the old permit, two of the new").toHaveText("3");
  expect(await judged(demo, site), "a preview changes nothing").toHaveLength(2);

  await editor.save();
  await expect(editor.said.filter({ hasText: "Permit saved as version 2 from 2024-07-01:" })).toBeVisible();
  const second = (limit: number): [string, number, number][] => [
    ["2024-08-01", 200, limit],
    ["2024-09-01", 260, limit],
  ];
  expect(await judged(demo, site)).toEqual([FIRST_HALF, ...second(150)]);

  await expect(versions(editor)).toHaveCount(2);
  await expect(versions(editor).first()).toHaveAttribute("data-time", "past");
  await expect(versions(editor).first()).toContainText("from the beginning until 2024-06-30");
  await expect(versions(editor).last()).toHaveAttribute("data-time", "in-force");
  await expect(versions(editor).last()).toHaveAttribute("aria-pressed", "true");
  await expectAccessible(page, "the versions of a permit");

  // Nor does a correction of the version in force change anything before its first day.
  await editor.input("Limit 1").fill("220");
  await expect(versions(editor).first(), "what was entered is not lost by looking elsewhere").toBeDisabled();
  await editor.save();
  await editor.expectSaved(3);
  expect(await judged(demo, site)).toEqual([FIRST_HALF, ["2024-09-01", 260, 220]]);

  // Each reading with the limit of its time.
  await dashboard.go("Overview");
  await dashboard.drawn();
  await dashboard.button("Show as table").click();
  const limits = page.getByRole("table", { name: "Readings" }).locator("tbody tr td:nth-child(4)");
  await expect(limits).toHaveText(["≤ 220 mg/L", "≤ 220 mg/L", "≤ 250 mg/L", "≤ 250 mg/L"]);
});

test("an earlier version can be looked at", async ({ demo, page }) => {
  const site = "versions-earlier";
  await prepare(demo, site);
  const editor = await openEditor(page, demo, site);
  await renewal(editor).check();
  await page.getByLabel("First day", { exact: true }).fill("2024-07-01");
  await editor.input("Limit 1").fill("150");
  await editor.save();
  await expect(editor.said.filter({ hasText: "version 2 from 2024-07-01" })).toBeVisible();
  await versions(editor).first().click();
  await expect(editor.input("Limit 1")).toHaveValue("250");
  await expect(versions(editor).first()).toBeFocused();
  await expect(versions(editor).first()).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByRole("radio", { name: /Correct this permit/ })).toBeDisabled();
  await versions(editor).last().click();
  await expect(editor.input("Limit 1")).toHaveValue("150");
  await expect(page.getByRole("radio", { name: "Correct this permit (version 2)" })).toBeChecked();
});

test("a new permit without its first day is not saved", async ({ demo, page }) => {
  const site = "versions-undated";
  await prepare(demo, site);
  const editor = await openEditor(page, demo, site);
  await renewal(editor).check();
  await editor.save();
  await expect(page.getByRole("alert")).toContainText("needs its first day");
  await expect(page.getByLabel("First day", { exact: true })).toBeFocused();
  expect((await client(demo).inForce(site)).version).toBe(1);
});

test("what few limits need is kept, shown and can be changed", async ({ demo, page }) => {
  const site = "versions-more";
  await client(demo).permit(site, [
    { ...SULFATE, from: "2024-01-01", until: "2024-06-30" },
    { ...SULFATE, value: 300 },
  ]);
  const editor = await openEditor(page, demo, site);
  const more = page.getByRole("button", { name: "More about limit 2" });
  await expect(page.getByRole("button", { name: "More about limit 1" })).toHaveAttribute("aria-expanded", "true");
  await expect(editor.input("First day 1")).toHaveValue("2024-01-01");
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await more.click();
  await editor.input("Kind 2").selectOption("benchmark");
  await editor.save();
  await editor.expectSaved(2);
  expect(await client(demo).limits(site)).toMatchObject([
    { value: 250, from: "2024-01-01", until: "2024-06-30" },
    { value: 300, kind: "benchmark" },
  ]);
});

test("a unit that nobody knows is refused at its field", async ({ demo, page, watch }) => {
  watch.expect(/status of 422/);
  const site = "versions-bananas";
  await prepare(demo, site);
  const editor = await openEditor(page, demo, site);
  await editor.input("Unit 1").fill("bananas");
  await editor.save();
  await expect(editor.input("Unit 1")).toHaveAttribute("aria-invalid", "true");
  await expect(editor.input("Unit 1")).toHaveAccessibleDescription(/bananas/);
  expect(await client(demo).alerts(site)).toHaveLength(2);
});
