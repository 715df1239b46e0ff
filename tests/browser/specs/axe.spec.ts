// Accessibility: axe on every view and state.
import { expectAccessible } from "../harness/axe.ts";
import { VIEWS } from "../harness/dashboard.ts";
import { expect, test } from "../harness/fixtures.ts";

for (const scheme of ["light", "dark"] as const) {
  test.describe(`in a ${scheme} scheme`, () => {
    test.use({ colorScheme: scheme });

    for (const view of VIEWS) {
      test(`axe finds nothing wrong with the view ${view}`, async ({ dashboard, demo, page }) => {
        await dashboard.open(demo, view, { site: "demo" });
        await dashboard.live();
        await expect(page.locator("html")).toHaveAttribute("data-theme", scheme);
        if (view === "Overview") await dashboard.drawn();
        if (view === "Permit") await expect(page.getByRole("table", { name: "Limits" })).toBeVisible();
        if (view === "Certificate") await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
        if (view === "Chemistry") await expect(page.getByLabel("Model")).toBeVisible();
        await expectAccessible(page, `${view}, ${scheme}`);
        // The phone layout has the same colours: once is enough.
        if (scheme === "dark") return;
        await page.setViewportSize({ width: 390, height: 844 });
        await expectAccessible(page, `${view}, phone`);
      });
    }

    test("axe finds nothing wrong with what comes after an action, and with failures", async ({
      dashboard,
      demo,
      page,
      watch,
    }) => {
      watch.expect(/status of (422|503)/);
      await dashboard.open(demo, "Upload");
      const csv = "time,species,concentration\n2026-03-01T00:00:00Z,SO4,900\n2026-03-01T01:00:00Z,SO4,x\n";
      await dashboard.choose({ name: "mixed.csv", csv }, `a11y-${scheme}`);
      await dashboard.button("Upload").click();
      await expect(page.getByRole("table", { name: "Refused rows" })).toBeVisible();
      await expectAccessible(page, "the account of an upload");

      await dashboard.open(demo, "Permit", { site: `a11y-${scheme}` });
      await page.getByLabel("Limit 1", { exact: true }).fill("100");
      await dashboard.button("Preview").click();
      await expect(page.getByRole("region", { name: "Preview" })).toBeVisible();
      await page.getByLabel("Limit 1", { exact: true }).fill("-1");
      await dashboard.button("Save permit").click();
      await expect(page.getByLabel("Limit 1", { exact: true })).toHaveAttribute("aria-invalid", "true");
      await expectAccessible(page, "a permit with an error");

      await dashboard.openLive(demo, { site: `a11y-${scheme}` });
      await dashboard.button("Show as table").click();
      await expect(page.getByRole("table", { name: "Readings" })).toBeVisible();
      await expectAccessible(page, "the readings as a table");

      await dashboard.open(demo, "Overview", { site: "a11y-nothing-here" });
      await expect(page.getByTestId("empty")).toBeVisible();
      await expectAccessible(page, "a site without readings");

      const body = { error: { code: "unavailable", message: "the database does not answer", request_id: "r-1" } };
      await page.route("**/api/**", (route) => route.fulfill({ status: 503, json: body }));
      await page.reload();
      await expect(page.getByRole("alert").first()).toBeVisible();
      await expectAccessible(page, "a failure to load");
    });
  });
}

test("axe finds nothing wrong with the dialog for a token", async ({ dashboard, page, startHost, watch }) => {
  watch.expect(/status of 401|WebSocket connection/);
  const host = await startHost({ token: "a11yTokenOfThirtyTwoCharacters00" });
  await dashboard.open(host);
  await expect(dashboard.dialog).toBeVisible();
  await expectAccessible(page, "the dialog");
});
