// The site's time zone: times of day are the site's, wherever the browser is.
import { openEditor, SULFATE } from "../harness/editor.ts";
import { client, expect, test } from "../harness/fixtures.ts";

test.use({ timezoneId: "Asia/Tokyo" });

const CHICAGO = { time_zone: "America/Chicago" };

test("times are the site's, and the zone is named", async ({ dashboard, demo, page }) => {
  const site = "zone-times";
  await client(demo).permit(site, [SULFATE], CHICAGO);
  // The last evening of February in Chicago, and a date alone, which is a day and not a moment.
  const rows = ["2024-02-28,SO4,100", "2024-03-01T05:30:00Z,SO4,300"];
  await client(demo).ingest(`time,species,concentration\n${rows.join("\n")}\n`, { site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.verdict).toContainText("latest reading 2024-02-29 23:30");
  await expect(dashboard.verdict).toContainText("times: America/Chicago");
  await expect(dashboard.tile("SO4")).toContainText("2024-02-29 23:30");
  await expect(dashboard.incidents.first()).toContainText("2024-02-29 23:30");
  await dashboard.button("Show as table").click();
  const table = page.getByRole("table", { name: "Readings" });
  await expect(table.getByRole("columnheader").first()).toHaveText("Time (America/Chicago)");
  await expect(table.locator("tbody tr td:first-child")).toHaveText(["2024-02-29 23:30", "2024-02-28"]);
  await dashboard.go("Certificate");
  await expect(page.getByLabel("To", { exact: true })).toHaveValue("2024-02-29");
});

test("the zone is set in the permit's editor, and saving the permit keeps it", async ({ demo, page, watch }) => {
  watch.expect(/status of 422/);
  const site = "zone-edited";
  await client(demo).permit(site, [SULFATE]);
  const editor = await openEditor(page, demo, site);
  const zone = page.getByLabel("Time zone of the site");
  await expect(zone).toHaveValue("UTC");
  await zone.fill("Mars/Olympus");
  await editor.save();
  await expect(zone).toHaveAttribute("aria-invalid", "true");
  await expect(zone).toHaveAccessibleDescription(/Mars/);
  await zone.fill("America/Chicago");
  await page.getByLabel("A week begins on").selectOption("monday");
  await editor.save();
  await editor.expectSaved(2);
  await editor.input("Limit 1").fill("240");
  await editor.save();
  await editor.expectSaved(3);
  expect(await client(demo).inForce(site)).toMatchObject({
    ...CHICAGO,
    week_starts: "monday",
    limits: [{ value: 240 }],
  });
});
