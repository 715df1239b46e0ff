// The API's documentation: requests can be tried there, with a token that goes nowhere else.
import type { Page } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import { expect, test } from "../harness/fixtures.ts";
import { Traffic } from "../harness/measure.ts";

/** The library's own markup is not ours to make accessible. */
const LIBRARY = "#api";
/** The page with everything it loads, as sent over the wire. */
const MAX_BYTES = 600_000;

async function open(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/docs`);
  await expect(page.locator("#operations-readings-get_status")).toBeVisible();
}

/** Opens an operation and sends its request. */
async function execute(page: Page, id: string): Promise<void> {
  const operation = page.locator(`#operations-${id}`);
  await operation.locator("button.opblock-summary-control").click();
  await operation.getByRole("button", { name: "Execute" }).click();
}

test("a request can be tried, and the page comes from its own host", async ({ demo, page }) => {
  const traffic = await Traffic.of(page);
  await open(page, demo.origin);
  await expectAccessible(page, "/docs", LIBRARY);
  await execute(page, "readings-get_status");
  const answer = page.locator("#operations-readings-get_status .live-responses-table .response");
  await expect(answer.locator(".response-col_status")).toContainText("200");
  await expect(answer).toContainText('"site": "demo"');
  expect(traffic.bytes).toBeGreaterThan(100_000);
  expect(traffic.bytes).toBeLessThan(MAX_BYTES);
});

test("the token is typed in, travels in a header, and is kept nowhere", async ({ page, startHost, watch }) => {
  // The first request goes without a token.
  watch.expect(/status of 401/);
  const host = await startHost({ token: "a-token-for-the-docs" });
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url()));
  await open(page, host.origin);
  await execute(page, "readings-get_status");
  const status = page.locator("#operations-readings-get_status .live-responses-table .response-col_status");
  await expect(status.last()).toContainText("401");
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".dialog-ux .modal-ux");
  await dialog.locator("input").fill("a-token-for-the-docs");
  await dialog.getByRole("button", { name: /Apply credentials|Authorize/ }).click();
  await dialog
    .getByRole("button", { name: /^Close$/ })
    .first()
    .click();
  await page.locator("#operations-readings-get_status").getByRole("button", { name: "Execute" }).click();
  await expect(status.last()).toContainText("200");
  expect(addresses.filter((address) => address.includes("a-token-for-the-docs"))).toEqual([]);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(kept).not.toContain("a-token-for-the-docs");
  await page.reload();
  await execute(page, "readings-get_status");
  await expect(status.last()).toContainText("401");
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

  test("it is no wider than the screen", async ({ demo, page }) => {
    await open(page, demo.origin);
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    for (const id of ["readings-get_readings", "permits-put_permit"]) {
      await page.locator(`#operations-${id} button.opblock-summary-control`).tap();
      await expect(page.locator(`#operations-${id}`).getByRole("button", { name: "Execute" })).toBeVisible();
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        await expect.poll(wide, `${id} at a width of ${width}`).toBeLessThanOrEqual(width);
      }
    }
    await page.locator("#operations-readings-get_readings").getByRole("textbox").first().fill("demo");
  });
});
