// The first visit, with the product's default settings.
import { verdictsOfEpa } from "../harness/csv.ts";
import { literally, STATES } from "../harness/dashboard.ts";
import { expect, test } from "../harness/fixtures.ts";
import { firstPaint, Traffic, tell } from "../harness/measure.ts";

const FIRST_VIEW_BYTES = 150_000;
const FIRST_PAINT_MS = 1000;

test("the first view shows the worst parameter first, and says in a sentence how the site stands", async ({
  dashboard,
  demo,
}) => {
  await dashboard.openLive(demo, { site: "demo" });
  await expect(dashboard.verdict).toContainText(/\d/);
  const states = await dashboard.tiles.evaluateAll((tiles) => tiles.map((tile) => (tile as HTMLElement).dataset.state));
  const ranks = states.map((state) => STATES.indexOf(state as (typeof STATES)[number]));
  expect(states.length).toBeGreaterThan(5);
  expect(ranks, "each tile has a known state").not.toContain(-1);
  expect(ranks, String(states)).toEqual(ranks.toSorted((a, b) => a - b));
});

test("each tile with a limit tells value, unit, limit and headroom in words", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const tile = dashboard.tile("BOD, carbonaceous [5 day, 20 C]").first();
  await expect(tile).toContainText(/\d/);
  await expect(tile).toContainText("mg/L");
  await expect(tile).toContainText(/limit\D+10\b/i);
  await expect(tile).toContainText(/\d\s?%/);
});

test("exactly one tile is pressed, and it is the one that the chart is about", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const pressed = dashboard.tiles.and(dashboard.page.locator('[aria-pressed="true"]'));
  await expect(pressed).toHaveCount(1);
  const parameter = await pressed.getAttribute("data-parameter");
  await expect(dashboard.chart).toHaveAccessibleName(literally(`Chart of ${parameter}`));
});

test("the incidents are EPA's eight exceedances with EPA's percentages", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: "demo" });
  const expected = verdictsOfEpa();
  expect(expected).toHaveLength(8);
  await expect(dashboard.incidents).toHaveCount(expected.length);
  for (const { parameter, percent } of expected) {
    const one = dashboard.incidents
      .filter({ hasText: parameter })
      .filter({ hasText: new RegExp(`\\b${percent}\\s?%`) });
    await expect(one, `${parameter} by ${percent} %`).toHaveCount(1);
    await expect(one.getByTestId("action")).toContainText(/\w/);
  }
});

test("the chart marks the exceedances of its series", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo, { site: "demo" });
  await dashboard.tile("BOD, carbonaceous [5 day, 20 C]").first().click();
  await dashboard.drawn();
  const marked = verdictsOfEpa().filter(({ parameter }) => parameter.startsWith("BOD"));
  await expect(dashboard.chart).toHaveAttribute("data-exceedances", String(marked.length));
});

test("the first view is small, is painted within a second, and is within the limit on requests", {
  tag: "@alone",
}, async ({ dashboard, page, startHost }) => {
  // The default limit is ten requests a second for each route.
  const host = await startHost({ demo: true, env: { OW_SC_RL_PER_SEC: "10" } });
  const refused: string[] = [];
  page.on("response", (response) => {
    if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
  });
  const traffic = await Traffic.of(page);
  await dashboard.openLive(host);
  await expect(dashboard.incidents.first()).toBeVisible();
  await page.waitForLoadState("networkidle");
  expect(refused).toEqual([]);
  expect(traffic.bytes, traffic.list).toBeLessThan(FIRST_VIEW_BYTES);
  expect(traffic.bytes, "it was counted").toBeGreaterThan(5_000);
  const paint = await firstPaint(page);
  tell(`first view ${traffic.bytes} bytes, painted after ${Math.round(paint)} ms`);
  expect(paint).toBeLessThan(FIRST_PAINT_MS);
});

test("the policy of the page allows no script and no connection but those of its own origin", async ({
  demo,
  page,
}) => {
  const response = await page.goto(`${demo.origin}/`);
  const policy = response?.headers()["content-security-policy"] ?? "";
  const directives = new Map(policy.split(";").map((text) => text.trim().split(/ (.*)/s, 2) as [string, string]));
  expect(directives.get("default-src")).toBe("'none'");
  expect(directives.get("script-src")).toBe("'self'");
  expect(policy).not.toContain("unsafe");
  expect(policy).not.toContain("*");
});

test("a site without readings says so, and shows the way to the upload", async ({ dashboard, page, startHost }) => {
  const host = await startHost();
  await dashboard.open(host);
  const empty = page.getByTestId("empty");
  await expect(empty).toBeVisible();
  await empty.getByRole("link", { name: /upload/i }).click();
  await expect(page.getByLabel("CSV file")).toBeAttached();
});

test("what cannot be loaded is said with the request's number, and can be tried again", async ({
  dashboard,
  demo,
  page,
  watch,
}) => {
  watch.expect(/status of 503/);
  const body = { error: { code: "unavailable", message: "the database does not answer", request_id: "r-17" } };
  await page.route("**/api/**", (route) => route.fulfill({ status: 503, json: body }));
  await dashboard.open(demo, "Overview", { site: "demo" });
  const alert = page.getByRole("alert").first();
  await expect(alert).toContainText("the database does not answer");
  await expect(alert).toContainText("r-17");
  await page.unroute("**/api/**");
  await page.getByRole("button", { name: "Try again" }).first().click();
  await dashboard.drawn();
  await expect(dashboard.incidents).toHaveCount(8);
});
