// What is published somewhere is on every open page within a second, without anybody doing anything.
import type { Page } from "@playwright/test";
import { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import { tell } from "../harness/measure.ts";

const WITHIN_MS = 1000;

/** Watches a page for a new incident and for a text in a tile; resolves with when each was there, by the clock. */
async function watchFor(page: Page, text: string): Promise<() => Promise<{ tile: number; incident: number }>> {
  await page.evaluate((wanted) => {
    const before = document.querySelectorAll("[data-testid=incident]").length;
    const seen = { tile: 0, incident: 0 };
    const look = () => {
      const tiles = [...document.querySelectorAll("[data-testid=tile]")];
      const incidents = document.querySelectorAll("[data-testid=incident]").length;
      if (!seen.tile && tiles.some((tile) => tile.textContent?.includes(wanted))) seen.tile = Date.now();
      if (!seen.incident && incidents > before) seen.incident = Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { seen });
  }, text);
  return async () => {
    await page.waitForFunction(() => {
      const { seen } = window as unknown as { seen: { tile: number; incident: number } };
      return seen.tile > 0 && seen.incident > 0;
    });
    return page.evaluate(() => (window as unknown as { seen: { tile: number; incident: number } }).seen);
  };
}

test("a reading and its alert are in two tabs within a second, without a reload", { tag: "@alone" }, async ({
  context,
  dashboard,
  demo,
  page,
}) => {
  const site = "live-pair";
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 201, site });
  await dashboard.openLive(demo, { site });
  const second = new Dashboard(await context.newPage());
  await second.openLive(demo, { site });
  const loads = { count: 0 };
  for (const tab of [page, second.page]) tab.on("load", () => loads.count++);

  const waits = [await watchFor(page, "613.7"), await watchFor(second.page, "613.7")];
  const published = Date.now();
  await client(demo).publish({ time: "2026-05-01T01:00:00Z", species: "SO4", concentration: 613.7, site });
  for (const wait of waits) {
    const seen = await wait();
    tell(`value after ${seen.tile - published} ms, alert after ${seen.incident - published} ms`);
    expect(seen.tile - published, "value").toBeLessThan(WITHIN_MS);
    expect(seen.incident - published, "alert").toBeLessThan(WITHIN_MS);
  }
  await expect(second.tile("SO4")).toHaveAttribute("data-state", "critical");
  expect(loads.count).toBe(0);
});

test("a reading that is uploaded in one tab is in the chart of the other", async ({ context, dashboard, demo }) => {
  const site = "live-upload";
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 201, site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.chart).toHaveAttribute("data-total", "1");
  const second = new Dashboard(await context.newPage());
  await second.open(demo, "Upload");
  const csv = "time,species,concentration\n2026-05-01T02:00:00Z,SO4,202\n2026-05-01T03:00:00Z,SO4,203\n";
  await second.choose({ name: "more.csv", csv }, site);
  await second.button("Upload").click();
  await expect(second.result).toHaveAttribute("data-status", "stored");
  await expect(dashboard.chart).toHaveAttribute("data-total", "3");
});

test("a corrected value takes its alert away", async ({ dashboard, demo }) => {
  const site = "live-corrected";
  const time = "2026-05-01T00:00:00Z";
  await client(demo).publish({ time, species: "SO4", concentration: 300, site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.incidents).toHaveCount(1);
  await client(demo).publish({ time, species: "SO4", concentration: 30, site });
  await expect(dashboard.incidents).toHaveCount(0);
  await expect(dashboard.tile("SO4")).toHaveAttribute("data-state", "ok");
});

test("a parameter that was never seen before gets a tile", async ({ dashboard, demo }) => {
  const site = "live-new";
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 20, site });
  await dashboard.openLive(demo, { site });
  await expect(dashboard.tiles).toHaveCount(1);
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "Ni", concentration: 0.02, site });
  await expect(dashboard.tiles).toHaveCount(2);
});

test("what is published at one site is not shown at another", async ({ dashboard, demo }) => {
  await client(demo).publish(
    { time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 20, site: "live-here" },
    { time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 20, site: "live-there" },
  );
  await dashboard.openLive(demo, { site: "live-here" });
  await client(demo).publish(
    { time: "2026-05-01T01:00:00Z", species: "SO4", concentration: 999, site: "live-there" },
    { time: "2026-05-01T01:00:00Z", species: "SO4", concentration: 21.5, site: "live-here" },
  );
  await expect(dashboard.tile("SO4")).toContainText("21.5");
  await expect(dashboard.incidents).toHaveCount(0);
});
