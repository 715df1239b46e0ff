// Everything with the keyboard only, and the theme's persistence.
import type { Locator, Page } from "@playwright/test";
import { tidy } from "../harness/csv.ts";
import { literally } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const FIRST_STOPS = 80;

/** Presses Tab until an element has the focus; fails if it never does. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let stop = 0; stop < FIRST_STOPS; stop++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${target} cannot be reached with ${FIRST_STOPS} presses of Tab`);
}

test("the theme is the system's until somebody chooses, and then stays", async ({ dashboard, demo, page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await dashboard.openLive(demo, { site: "demo" });
  const html = page.locator("html");
  await expect(html).toHaveAttribute("data-theme", "dark");
  const button = dashboard.button("Dark theme");
  await expect(button).toHaveAttribute("aria-pressed", "true");
  const background = () => html.evaluate((element) => getComputedStyle(element).backgroundColor);
  const dark = await background();
  await button.click();
  await expect(html).toHaveAttribute("data-theme", "light");
  expect(await background()).not.toBe(dark);
  await page.reload();
  await expect(html).toHaveAttribute("data-theme", "light");
});

test("the first press of Tab shows the link that skips to the content", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  const inMain = () => page.evaluate(() => document.querySelector("main")?.contains(document.activeElement));
  expect(await inMain()).toBe(true);
  await page.keyboard.press("Tab");
  expect(await inMain()).toBe(true);
});

test("whatever has the focus shows that it has it, and is on the screen", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const invisible: string[] = [];
  let stops = 0;
  for (; stops < FIRST_STOPS; stops++) {
    await page.keyboard.press("Tab");
    const state = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const { width, height, top, bottom } = element.getBoundingClientRect();
      const marked = (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0) || boxShadow !== "none";
      const onScreen = width > 0 && height > 0 && bottom > 0 && top < innerHeight;
      return { ok: marked && onScreen, what: element.outerHTML.slice(0, 120) };
    });
    // The body again: Tab has gone through the page and left it.
    if (!state) break;
    if (!state.ok) invisible.push(state.what);
  }
  expect(invisible).toEqual([]);
  expect(stops).toBeGreaterThan(10);
});

test("a tile is chosen by the keyboard, and keeps the focus", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const tile = dashboard.tiles.nth(2);
  await tabTo(page, tile);
  await page.keyboard.press("Enter");
  await expect(tile).toHaveAttribute("aria-pressed", "true");
  await expect(tile).toBeFocused();
  await expect(dashboard.chart).toHaveAccessibleName(literally((await tile.getAttribute("data-parameter")) ?? "?"));
});

test("the chart is zoomed, moved and left by the keyboard", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  await tabTo(page, dashboard.chart);
  const all = await dashboard.visible();
  await page.keyboard.press("+");
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(all.width);
  const near = await dashboard.visible();
  await page.keyboard.press("ArrowLeft");
  await expect.poll(async () => (await dashboard.visible()).from).toBeLessThan(near.from);
  const left = await dashboard.visible();
  await page.keyboard.press("ArrowRight");
  await expect.poll(async () => (await dashboard.visible()).from).toBeGreaterThan(left.from);
  await page.keyboard.press("-");
  await expect.poll(async () => (await dashboard.visible()).width).toBeGreaterThan(left.width);
  await page.keyboard.press("+");
  await page.keyboard.press("Home");
  await expect.poll(async () => (await dashboard.visible()).width).toBe(all.width);
  await expect(dashboard.chart).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(dashboard.chart).not.toBeFocused();
});

test("an incident moves the chart, and levels are chosen, by the keyboard", async ({ dashboard, demo, page }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const before = await dashboard.visible();
  await tabTo(page, page.getByRole("checkbox", { name: "Warning" }));
  const warnings = await dashboard.incidents.and(page.locator("[data-severity=warning]")).count();
  expect(warnings).toBeGreaterThan(0);
  await page.keyboard.press("Space");
  await expect(dashboard.incidents).toHaveCount(8 - warnings);
  await page.keyboard.press("Space");
  await expect(dashboard.incidents).toHaveCount(8);
  await tabTo(page, dashboard.incidents.first().getByRole("button").first());
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await dashboard.visible()).width).toBeLessThan(before.width);
});

test("a file is chosen and uploaded by the keyboard, and the result gets the focus or is said", async ({
  dashboard,
  demo,
  page,
}) => {
  // Awaited before the page is loaded: a dialog that opens before would be missed.
  const file = { name: "keys.csv", mimeType: "text/csv", buffer: Buffer.from(tidy(9)) };
  page.on("filechooser", (chooser) => void chooser.setFiles(file));
  await dashboard.open(demo, "Upload");
  await tabTo(page, page.getByLabel("CSV file"));
  await page.keyboard.press("Enter");
  await expect(page.getByText("keys.csv").first()).toBeVisible();
  await tabTo(page, page.getByRole("textbox", { name: "Site of the readings" }));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("a11y-keys");
  await tabTo(page, dashboard.button("Upload"));
  await page.keyboard.press("Enter");
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await client(demo).count("a11y-keys")).toBe(9);
  const told = await dashboard.result.evaluate((result) => {
    const live = result.closest("[role=status], [role=alert], [aria-live]");
    return live !== null || result.contains(document.activeElement) || document.activeElement?.contains(result);
  });
  expect(told).toBe(true);
});

test("a limit is edited, looked at and saved by the keyboard", async ({ dashboard, demo, page }) => {
  const site = "a11y-permit";
  await client(demo).ingest(tidy(9), { site });
  await dashboard.open(demo, "Permit", { site });
  await tabTo(page, page.getByLabel("Limit 1", { exact: true }));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("33");
  await tabTo(page, dashboard.button("Preview"));
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("preview-total")).toHaveText(/[1-9]/);
  await dashboard.button("Save permit").focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "Permit saved" })).toBeVisible();
  expect((await client(demo).limits(site))[0]?.value).toBe(33);
});
