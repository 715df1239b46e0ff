// A phone: everything fits the width, and can be operated with a finger.
import { tidy } from "../harness/csv.ts";
import { literally, VIEWS } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";

test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });

for (const view of VIEWS) {
  test(`the view ${view} is no wider than a phone`, async ({ dashboard, demo, page }) => {
    await dashboard.open(demo, view, { site: "demo" });
    await expect(dashboard.heading()).toBeVisible();
    if (view === "Overview") await dashboard.drawn();
    if (view === "Permit") await expect(page.getByRole("table", { name: "Limits" })).toBeVisible();
    if (view === "Certificate") await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
    for (const width of [390, 320]) {
      await page.setViewportSize({ width, height: 844 });
      // A phone widens its viewport if something sticks out, so comparing with its own width would find nothing.
      const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
      await expect.poll(wide, `at a width of ${width}`).toBeLessThanOrEqual(width);
    }
    // Hidden content must not make the page longer than its visible content.
    const rest = await page.evaluate(() => {
      const end = document.querySelector("footer")?.getBoundingClientRect().bottom ?? 0;
      return document.documentElement.scrollHeight - Math.max(end + scrollY, innerHeight);
    });
    expect(rest, "below the footer").toBeLessThan(40);
  });
}

test("a tile can be tapped, and the chart follows", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const tile = dashboard.tiles.nth(3);
  const parameter = (await tile.getAttribute("data-parameter")) ?? "";
  await tile.tap();
  await expect(dashboard.chart).toHaveAccessibleName(literally(parameter));
  await dashboard.drawn();
  await page.getByRole("region", { name: "Chart" }).getByRole("button", { name: "Zoom in" }).tap();
  const box = await dashboard.chart.boundingBox();
  expect(box?.height).toBeGreaterThan(150);
});

test("an incident can be tapped, and the chart goes to it", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const before = await dashboard.visible();
  await dashboard.incidents.last().getByRole("button").first().tap();
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(before.width);
});

test("a file can be uploaded", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "phone.csv", csv: tidy(12) }, "phone-upload");
  await dashboard.button("Upload").tap();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test("a limit can be edited and saved", async ({ dashboard, demo, page }) => {
  await client(demo).ingest(tidy(12), { site: "phone-permit" });
  await dashboard.open(demo, "Permit", { site: "phone-permit" });
  await page.getByLabel("Limit 1", { exact: true }).fill("111");
  await dashboard.button("Save permit").tap();
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();
});

test("what is tapped is as large as a finger needs", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const small = await page.getByRole("button").evaluateAll((buttons) =>
    buttons.flatMap((button) => {
      const { width, height } = button.getBoundingClientRect();
      // WCAG 2.2, 2.5.8: 24 by 24 CSS pixels at least.
      return width > 0 && (width < 24 || height < 24) ? [`${button.textContent?.trim()}: ${width} x ${height}`] : [];
    }),
  );
  expect(small).toEqual([]);
});
