// A published reading is on every open page within a second, without any action.
import type { Page } from "@playwright/test";
import { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import { tell } from "../harness/measure.ts";

const WITHIN_MS = 1000;

/** Watches a page for a new incident and for a text in a tile; resolves with the clock time of each. */
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
  await client(demo).publish({ time, species: "SO4", concentration: 30, site, replaces: true });
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

test("a tile never says one thing and its limit another", async ({ dashboard, demo }) => {
  const site = "live-state";
  await client(demo).permit(site, [{ parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant" }]);
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 175, site });
  await dashboard.openLive(demo, { site });
  const tile = dashboard.tile("SO4");
  await expect(tile).toContainText("30 % headroom");
  // Every text of the tile from here on.
  await tile.evaluate(() => {
    const seen: string[] = [];
    const look = () => seen.push(document.querySelector("[data-testid=tile]")?.textContent ?? "");
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { seen });
  });
  await client(demo).publish({ time: "2026-05-01T01:00:00Z", species: "SO4", concentration: 600, site });
  await expect(tile).toHaveAttribute("data-state", "critical");
  await expect(tile).toContainText("140 % beyond");
  const seen = await dashboard.page.evaluate(() => Reflect.get(window, "seen") as string[]);
  expect(seen.filter((text) => text.includes("Critical") && text.includes("headroom"))).toEqual([]);
  // A good reading does not hide it.
  await client(demo).publish({ time: "2026-05-01T02:00:00Z", species: "SO4", concentration: 100, site });
  await expect(tile).toHaveAttribute("data-state", "ok");
  await expect(tile).toContainText("1 exceedance on record, the last 2026-05-01");
});

test("a connection whose other end is gone is found out within fifteen seconds", async ({ dashboard, demo, page }) => {
  const site = "live-dead";
  await client(demo).publish({ time: "2026-05-01T00:00:00Z", species: "SO4", concentration: 20, site });
  let isDead = false;
  await page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (!isDead) server.send(message);
    });
    server.onMessage((message) => {
      if (!isDead) socket.send(message);
    });
  });
  await dashboard.openLive(demo, { site });
  isDead = true;
  await expect(dashboard.connection).toHaveAttribute("data-state", /reconnecting|offline/, { timeout: 17_000 });
  isDead = false;
  await dashboard.live();
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
