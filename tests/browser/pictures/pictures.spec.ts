// The pictures for the documentation, with EPA's data. `make screenshots` regenerates them.
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { ECHO_PATH, ROOT } from "../harness/files.ts";
import { expect, test } from "../harness/fixtures.ts";

const MAX_BYTES = 300_000;

/** Saves the screen, once nothing moves and no pointer or focus marks anything. */
async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  await page.mouse.move(0, 0);
  await page.evaluate(async () => {
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    scrollTo(0, 0);
    await document.fonts.ready;
    await new Promise(requestAnimationFrame);
  });
  const path = join(ROOT, "docs/images", name);
  await page.screenshot({ path, fullPage, animations: "disabled", caret: "hide" });
  expect(statSync(path).size, `${name} is small enough for a repository`).toBeLessThan(MAX_BYTES);
}

test.use({ viewport: { width: 1440, height: 900 } });

for (const scheme of ["light", "dark"] as const) {
  test(`the dashboard in a ${scheme} scheme`, async ({ dashboard, demo, page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await dashboard.openLive(demo, { site: "demo" });
    await dashboard.tile("BOD, carbonaceous [5 day, 20 C]").first().click();
    await dashboard.drawn();
    await picture(page, `dashboard-${scheme}.png`, true);
  });
}

test("the certificate", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await dashboard.live();
  await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
  await picture(page, "certificate.png");
});

test("the account of an upload", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  await dashboard.live();
  await dashboard.choose(ECHO_PATH, "Greenville");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await picture(page, "upload.png");
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });

  test("the dashboard", async ({ dashboard, demo, page }) => {
    await dashboard.openLive(demo, { site: "demo" });
    await picture(page, "phone.png");
  });
});
