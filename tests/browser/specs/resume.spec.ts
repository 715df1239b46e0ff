// A host that goes down and comes back: the page says so, and neither misses nor repeats events.
import type { Reading } from "../harness/client.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const site = "resume";

/** Readings an hour apart, starting at this hour; every third exceeds the limit of 250. */
function readings(first: number, count: number): Reading[] {
  return Array.from({ length: count }, (_, index) => {
    const time = new Date(Date.UTC(2026, 4, 1, first + index)).toISOString();
    return { time, species: "SO4", concentration: (first + index) % 3 === 0 ? 400 : 10, site };
  });
}

/** Only the third readings exceed: the mean of three is never above 250. */
const exceeding = (count: number) => Math.ceil(count / 3);

for (const [how, end] of [
  ["is stopped", "stop"],
  ["is killed", "kill"],
] as const) {
  test(`after a host ${how} and started again, nothing is missing and nothing is there twice`, async ({
    dashboard,
    page,
    startHost,
    watch,
  }) => {
    watch.expect(/ERR_CONNECTION|WebSocket connection|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE/);
    const host = await startHost();
    await client(host).publish(...readings(0, 4));
    await dashboard.openLive(host, { site });
    await expect(dashboard.incidents).toHaveCount(exceeding(4));
    let loads = 0;
    page.on("load", () => loads++);

    await host[end]();
    await expect(dashboard.connection).toHaveAttribute("data-state", /reconnecting|offline/);
    await host.start();
    // Before the page reconnects, as far as we can control that: what happened meanwhile must be fetched.
    await client(host).publish(...readings(4, 8));
    await dashboard.live();
    await expect(dashboard.chart).toHaveAttribute("data-total", "12");
    await expect(dashboard.incidents).toHaveCount(exceeding(12));
    await expect(dashboard.chart).toHaveAttribute("data-exceedances", String(exceeding(12)));

    // It is live again, not only up to date.
    await client(host).publish(...readings(12, 1));
    await expect(dashboard.chart).toHaveAttribute("data-total", "13");
    await expect(dashboard.incidents).toHaveCount(exceeding(13));
    const ids = await dashboard.incidents.evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual((await client(host).alerts(site)).map(({ id }) => id).toSorted());
    expect(loads).toBe(0);
  });
}

test("while the host is away, what was loaded stays to be looked at", async ({ dashboard, page, startHost, watch }) => {
  watch.expect(/ERR_CONNECTION|WebSocket connection|Failed to load/);
  const host = await startHost();
  await client(host).publish(...readings(0, 6));
  await dashboard.openLive(host, { site });
  await host.kill();
  await expect(dashboard.connection).toHaveAttribute("data-state", /reconnecting|offline/);
  await expect(dashboard.tile("SO4")).toBeVisible();
  await dashboard.incidents.first().getByRole("button").first().click();
  await expect(dashboard.incidents).toHaveCount(exceeding(6));
  await expect(page.getByRole("region", { name: "Chart" })).toBeVisible();
});
