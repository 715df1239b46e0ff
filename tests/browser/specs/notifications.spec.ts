// Critical alerts reach a user who asked for them, even if the page is behind another window.
import type { Page } from "@playwright/test";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

interface Shown {
  title: string;
  body: string;
}

/** Headless Chromium shows no notifications, so the page's requests are recorded instead. */
async function record(page: Page): Promise<() => Promise<Shown[]>> {
  await page.addInitScript(() => {
    const shown: Shown[] = [];
    class Recorded extends EventTarget {
      static permission: NotificationPermission = "default";
      static async requestPermission(): Promise<NotificationPermission> {
        Recorded.permission = "granted";
        return "granted";
      }
      constructor(title: string, options: NotificationOptions = {}) {
        super();
        shown.push({ title, body: options.body ?? "" });
      }
      close(): void {}
    }
    Object.assign(window, { Notification: Recorded, shown });
    Object.defineProperty(document, "hidden", { get: () => true });
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  });
  return () => page.evaluate(() => Reflect.get(window, "shown") as Shown[]);
}

/** A site with one limit for single readings, and one reading below it. */
async function prepare(host: Host, site: string): Promise<void> {
  await client(host).permit(site, [{ parameter: "SO4", value: 250, statistic: "instant" }]);
  await publish(host, site, 0, 10);
}

const publish = (host: Host, site: string, hour: number, concentration: number) =>
  client(host).publish({
    time: `2026-05-01T${String(hour).padStart(2, "0")}:00:00Z`,
    species: "SO4",
    concentration,
    site,
  });

test("a critical alert while the page is hidden is one notification", async ({ dashboard, demo, page }) => {
  const site = "notify-critical";
  await prepare(demo, site);
  const shown = await record(page);
  await dashboard.openLive(demo, { site });
  const button = dashboard.button("Notify me");
  await expect(button).toHaveAttribute("aria-pressed", "false");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await publish(demo, site, 1, 600);
  await expect(dashboard.incidents).toHaveCount(1);
  await expect.poll(shown).toHaveLength(1);
  const [notification] = await shown();
  expect(notification?.title).toMatch(/critical/i);
  expect(`${notification?.title} ${notification?.body}`).toContain("SO4");

  // A milder alert follows, to be sure that the first was not merely late.
  await publish(demo, site, 2, 260);
  await expect(dashboard.incidents).toHaveCount(2);
  expect(await shown()).toHaveLength(1);
});

test("nobody who has not asked is notified", async ({ dashboard, demo, page }) => {
  const site = "notify-nobody";
  await prepare(demo, site);
  const shown = await record(page);
  await dashboard.openLive(demo, { site });
  await publish(demo, site, 1, 600);
  await expect(dashboard.incidents).toHaveCount(1);
  expect(await shown()).toEqual([]);
});

test("who has had enough turns it off", async ({ dashboard, demo, page }) => {
  const site = "notify-off";
  await prepare(demo, site);
  const shown = await record(page);
  await dashboard.openLive(demo, { site });
  const button = dashboard.button("Notify me");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  await publish(demo, site, 1, 600);
  await expect(dashboard.incidents).toHaveCount(1);
  expect(await shown()).toEqual([]);
});
