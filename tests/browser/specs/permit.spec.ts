// The permit editor: a preview shows the effect of a change first.
import type { Page } from "@playwright/test";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

/** Sulfate at 200, 240 and 260 mg/L, against 250 by the built-in permit: one exceedance. */
async function prepare(host: Host, site: string): Promise<void> {
  const csv =
    "time,species,concentration\n2026-03-01T00:00:00Z,SO4,200\n2026-03-02T00:00:00Z,SO4,240\n2026-03-03T00:00:00Z,SO4,260\n";
  await client(host).ingest(csv, { site });
  await client(host).permit(site, [
    { parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant", action: "Check dosing" },
  ]);
}

const input = (page: Page, name: string) =>
  page.getByRole("table", { name: "Limits" }).getByLabel(name, { exact: true });

test("a limit that is edited, looked at and saved changes verdict, tile and incidents", async ({
  dashboard,
  demo,
  page,
}) => {
  const site = "permit-edit";
  await prepare(demo, site);
  await dashboard.openLive(demo, { site });
  await expect(dashboard.incidents).toHaveCount(1);
  const before = await dashboard.verdict.textContent();
  await dashboard.go("Permit");
  await expect(input(page, "Parameter 1")).toHaveValue("SO4");
  await expect(input(page, "Limit 1")).toHaveValue("250");
  await expect(input(page, "Action 1")).toHaveValue("Check dosing");

  await input(page, "Limit 1").fill("120");
  await dashboard.button("Preview").click();
  await expect(page.getByTestId("preview-total")).toHaveText("3");
  await expect(page.getByRole("region", { name: "Preview" })).toContainText("SO4");
  await dashboard.button("Save permit").click();
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();

  await dashboard.go("Overview");
  await expect(dashboard.incidents).toHaveCount(3);
  await expect(dashboard.tile("SO4")).toHaveAttribute("data-state", "critical");
  await expect(dashboard.tile("SO4")).toContainText("120");
  await expect(dashboard.verdict).not.toHaveText(before ?? "");
});

test("a limit above all readings leaves nothing in exceedance", async ({ dashboard, demo, page }) => {
  const site = "permit-loose";
  await prepare(demo, site);
  await dashboard.open(demo, "Permit", { site });
  await input(page, "Limit 1").fill("1000");
  await dashboard.button("Preview").click();
  await expect(page.getByTestId("preview-total")).toHaveText("0");
  await expect(page.getByTestId("preview-withdrawn")).toHaveText("1");
  await dashboard.button("Save permit").click();
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();
  await dashboard.go("Overview");
  await expect(dashboard.tile("SO4")).toHaveAttribute("data-state", "ok");
  await expect(dashboard.incidents).toHaveCount(0);
});

test("a preview changes nothing, and changes can be discarded", async ({ dashboard, demo, page }) => {
  const site = "permit-preview";
  await prepare(demo, site);
  const alerts = await client(demo).alerts(site);
  const limits = await client(demo).limits(site);
  await dashboard.open(demo, "Permit", { site });
  await input(page, "Limit 1").fill("120");
  await dashboard.button("Preview").click();
  await expect(page.getByTestId("preview-total")).toHaveText("3");
  expect(await client(demo).alerts(site)).toEqual(alerts);
  expect(await client(demo).limits(site)).toEqual(limits);
  await dashboard.button("Discard changes").click();
  await expect(input(page, "Limit 1")).toHaveValue("250");
});

for (const [what, field, value] of [
  ["a limit below zero", "Limit 1", "-5"],
  ["no limit at all", "Limit 1", ""],
  ["no parameter", "Parameter 1", ""],
  // As many characters as the limit in bytes.
  ["an action of 1,200 bytes", "Action 1", "ü".repeat(600)],
  ["a parameter of 512 bytes", "Parameter 1", "ü".repeat(256)],
] as const) {
  test(`${what} is refused at its field, and nothing is saved`, async ({ dashboard, demo, page, watch }) => {
    watch.expect(/status of 422/);
    const site = "permit-invalid";
    await prepare(demo, site);
    const limits = await client(demo).limits(site);
    await dashboard.open(demo, "Permit", { site });
    await input(page, field).fill(value);
    await dashboard.button("Save permit").click();
    await expect(input(page, field)).toHaveAttribute("aria-invalid", "true");
    await expect(input(page, field)).toHaveAccessibleDescription(/\w{3}/);
    await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toHaveCount(0);
    expect(await client(demo).limits(site)).toEqual(limits);
    // Once corrected, it is no longer marked.
    await input(page, field).fill(field === "Limit 1" ? "260" : "SO4");
    await expect(input(page, field)).not.toHaveAttribute("aria-invalid", "true");
  });
}

test("a limit may have a formula in place of a number, and alerts say what it took of the water", async ({
  dashboard,
  demo,
  page,
}) => {
  const site = "permit-formula";
  const csv =
    "time,parameter,value,unit\n2026-03-01T08:00:00Z,Copper,20,ug/L\n2026-03-01T09:00:00Z,Hardness,100,mg/L\n";
  await client(demo).ingest(csv, { site });
  await client(demo).permit(site, [{ parameter: "Copper", value: 1000, unit: "mg/L", statistic: "daily_max" }]);
  await dashboard.openLive(demo, { site });
  await dashboard.go("Permit");
  await dashboard.button("More about limit 1").click();
  const more = (name: string) => page.getByLabel(`${name} 1`, { exact: true });
  await expect(more("Hardness for the formula")).toBeDisabled();
  await more("Formula").selectOption({ label: "Copper, acute, dissolved" });
  await expect(input(page, "Limit 1")).toBeDisabled();
  await expect(input(page, "Unit 1")).toHaveValue("ug/L");
  await expect(more("Hardness for the formula")).toBeEnabled();
  await expect(more("pH for the formula")).toBeDisabled();
  await dashboard.button("Preview").click();
  await expect(page.getByTestId("preview-total")).toHaveText("1");
  await expect(page.getByRole("region", { name: "Preview" })).toContainText("at Hardness 100 mg/L as CaCO3");
  await dashboard.button("Save permit").click();
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();
  expect(await client(demo).limits(site)).toMatchObject([{ formula: "cu_acute_hardness", hardness: "Hardness" }]);

  await dashboard.go("Overview");
  await expect(dashboard.incidents).toHaveCount(1);
  await expect(dashboard.incidents.getByTestId("water")).toHaveText("at Hardness 100 mg/L as CaCO3");
  await expect(dashboard.tile("Copper")).toContainText("13.4");
  // The saved permit is shown as it was entered.
  await page.reload();
  await dashboard.go("Permit");
  await expect(more("Formula")).toHaveValue("cu_acute_hardness");
  await expect(input(page, "Limit 1")).toBeDisabled();
});

test("limits are added and removed, and the rows are numbered anew", async ({ dashboard, demo, page }) => {
  const site = "permit-rows";
  await prepare(demo, site);
  await dashboard.open(demo, "Permit", { site });
  await dashboard.button("Add limit").click();
  await input(page, "Parameter 2").fill("Zinc");
  await input(page, "Outfall 2").fill("002");
  await input(page, "Limit 2").fill("0.5");
  await input(page, "Direction 2").selectOption("max");
  await input(page, "Statistic 2").selectOption("daily_max");
  await input(page, "Action 2").fill("Raise the pH");
  await dashboard.button("Remove limit 1").click();
  await expect(input(page, "Parameter 1")).toHaveValue("Zinc");
  await dashboard.button("Save permit").click();
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();
  expect(await client(demo).limits(site)).toEqual([
    expect.objectContaining({
      parameter: "Zinc",
      outfall: "002",
      value: 0.5,
      unit: "mg/L",
      direction: "max",
      statistic: "daily_max",
      action: "Raise the pH",
    }),
  ]);
});
