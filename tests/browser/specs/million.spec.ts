// A million readings in one series are as easy to view as ten.
import { moment, START } from "../harness/csv.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import { framesPerSecond, tell } from "../harness/measure.ts";

const READINGS = 1_000_000;
const SITE = "million";
const READY_MS = 1000;
const FRAMES = 30;
const PAN_MS = 2000;
const TRIES = 3;

/** One reading a second, with a swing that never repeats and one peak above the limit per 100,000. */
function file(): string {
  const lines = ["time,species,concentration"];
  for (let row = 0; row < READINGS; row++) {
    const value = row % 100_000 === 77_777 ? 900 : 120 + 80 * Math.sin(row / 5000) + ((row * 7919) % 41);
    lines.push(`${moment(START + row * 1000)},SO4,${Math.round(value)}`);
  }
  return lines.join("\n");
}

test("a million readings are drawn within a second of the request, peaks included, and panned at over 30 frames a second", {
  tag: "@alone",
}, async ({ browser, dashboard, page, startHost }) => {
  test.setTimeout(180_000);
  // Larger than a host's default limit: 30 MB uncompressed.
  const host = await startHost({ env: { OW_SC_MAX_CSV_BYTES: "67108864" } });
  await client(host).permit(SITE, [{ parameter: "SO4", value: 250, statistic: "instant" }]);
  expect((await client(host).ingest(file(), { site: SITE })).readings).toBe(READINGS);
  await client(host).ingest("time,species,concentration\n2026-01-01T00:00:00Z,Ni,0.01\n", { site: SITE });

  // Pointer moves alone can cause frames, so the page counts those in which the chart was drawn.
  await page.addInitScript(() => {
    const drawn = new Set<unknown>();
    const { stroke } = CanvasRenderingContext2D.prototype;
    Object.assign(CanvasRenderingContext2D.prototype, {
      stroke(this: CanvasRenderingContext2D, ...path: [Path2D]) {
        drawn.add(document.timeline.currentTime);
        stroke.apply(this, path);
      },
    });
    Object.assign(window, { drawn });
  });
  const drawn = () => page.evaluate(() => (Reflect.get(window, "drawn") as Set<unknown>).size);

  // From the small series to the large one, as by a click: the page is loaded already.
  await dashboard.openLive(host, { site: SITE });
  await dashboard.tile("Ni").click();
  await expect(dashboard.chart).toHaveAttribute("data-total", "1");
  const took = await dashboard.tile("SO4").evaluate(async (tile, total) => {
    const chart = document.querySelector<HTMLElement>("[data-testid=chart]");
    if (!chart) throw new Error("no chart");
    const started = performance.now();
    (tile as HTMLElement).click();
    while (chart.dataset.ready !== "true" || chart.dataset.total !== String(total)) {
      await new Promise(requestAnimationFrame);
    }
    // Drawn, and a frame later on the screen.
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
  }, READINGS);
  tell(`a million readings ready after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(READY_MS);
  expect(await dashboard.says("points")).toBeLessThan(20_000);
  expect(await dashboard.says("exceedances")).toBeGreaterThanOrEqual(READINGS / 100_000);

  for (let zoom = 0; zoom < 3; zoom++) await dashboard.button("Zoom in").click();
  await dashboard.drawn();
  const before = await dashboard.visible();
  await dashboard.chart.scrollIntoViewIfNeeded();
  // The pointer is moved from within the page, once per frame: from outside, each move waits for an answer, and that
  // would be measured. The page handles a move in the same way.
  const pan = () =>
    dashboard.chart.evaluate(async (chart, duration) => {
      const box = chart.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const send = (type: string, clientX: number) =>
        chart.dispatchEvent(new PointerEvent(type, { clientX, clientY: y, pointerId: 1, bubbles: true }));
      // Only a real pointer can be captured.
      Object.assign(chart, { setPointerCapture: () => {} });
      send("pointerdown", x);
      const started = performance.now();
      for (let at = 0; at < duration; at = performance.now() - started) {
        send("pointermove", x + (box.width / 3) * Math.sin(at / 400));
        await new Promise(requestAnimationFrame);
      }
      send("pointerup", x);
    }, PAN_MS);
  // The best of several tries: if another program uses the processors for a moment, that says nothing about the page.
  let best = 0;
  for (let attempt = 0; attempt < TRIES && best <= FRAMES; attempt++) {
    let drawings = 0;
    const presented = await framesPerSecond(browser, page, async () => {
      const [before, started] = [await drawn(), performance.now()];
      await pan();
      drawings = ((await drawn()) - before) / ((performance.now() - started) / 1000);
    });
    tell(`panned at ${presented.toFixed(1)} frames a second, ${drawings.toFixed(1)} of them with the chart drawn anew`);
    best = Math.max(best, Math.min(presented, drawings));
  }
  expect(best).toBeGreaterThan(FRAMES);
  await expect.poll(async () => (await dashboard.visible()).from).not.toBe(before.from);
});
