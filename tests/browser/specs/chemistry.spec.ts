// Fits of decay and sorption: to pasted points, and to readings.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { client, expect, test } from "../harness/fixtures.ts";

// In the format of a spreadsheet.
const BOXBOD = "Time (days)\tBOD (mg/L)\n1\t109\n2\t149\n3\t149\n5\t191\n7\t213\n10\t224\n";

const parameters = (page: Page) => page.getByTestId("parameter");

test("pasted points are fitted, with errors, picture and files", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Chemistry");
  await page.getByLabel("Model").selectOption("bod_first");
  await expect(page.getByText("y = L0 (1 - exp(-k t))")).toBeVisible();
  await page.getByLabel("Points", { exact: true }).fill(BOXBOD);
  await dashboard.button("Fit").click();
  await expect(page.getByRole("heading", { name: "The fit" })).toBeFocused();
  // NIST's certified values.
  await expect(parameters(page).nth(0)).toContainText("213.80941");
  await expect(parameters(page).nth(0)).toContainText("mg/L");
  await expect(parameters(page).nth(1)).toContainText("0.54723749");
  await expect(parameters(page).nth(1)).toContainText("0.10455993");
  await expect(parameters(page).nth(1)).toContainText("1/days");
  await expect(page.getByTestId("fit-quality")).toContainText("6 points");
  const picture = page.getByRole("img", { name: /6 points, the fitted curve/ });
  await expect(picture.locator("circle")).toHaveCount(12);
  const kept = page.waitForEvent("download");
  await dashboard.button("Curve as CSV").click();
  const lines = (await readFile(await (await kept).path(), "utf8")).trim().split("\r\n");
  expect([lines.length, lines[0]]).toEqual([202, "Time (days),BOD (mg/L),lower_95,upper_95"]);
});

test("what was measured is fitted by its hours", async ({ dashboard, page, startHost }) => {
  const host = await startHost();
  const rows = Array.from({ length: 24 }, (_, hour) => {
    const clock = `2026-03-01T${String(hour).padStart(2, "0")}:00:00Z`;
    return `${clock},H2O2,${50 * Math.exp(-0.1 * hour)}`;
  });
  const file = ["time,species,concentration", ...rows].join("\n");
  await client(host).ingest(file, { site: "jars" });
  await dashboard.open(host, "Chemistry", { site: "jars" });
  await page.getByLabel("Model").selectOption("decay_first");
  await page.getByLabel("Points from").selectOption("series");
  await expect(page.getByLabel("Series").locator("option")).toContainText(["H2O2"]);
  await dashboard.button("Fit").click();
  await expect(parameters(page).nth(1)).toContainText("0.1");
  await expect(parameters(page).nth(1)).toContainText("1/h");
  await expect(page.getByTestId("fit-quality")).toContainText("24 points");
});

test("what cannot be fitted is said", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Chemistry");
  const points = page.getByLabel("Points", { exact: true });
  for (const [text, said] of [
    ["", "Two columns of numbers are expected"],
    ["1,2\n3\n", "Line 2: two numbers are expected"],
    ["1,2\n3,four\n", "Line 2: four is not a number"],
    ["0\t<0.1\n1\t2\n", "Line 1: <0.1 is not a number"],
    ["1\t\t2\n", "Line 1: two numbers are expected"],
  ] as const) {
    await points.fill(text);
    await dashboard.button("Fit").click();
    await expect(page.getByRole("alert")).toContainText(said);
  }
  await page.getByLabel("Model").selectOption("temkin");
  await points.fill("0,0\n");
  await dashboard.button("Fit").click();
  await expect(page.getByRole("alert")).toContainText("There is no fit");
});

test("a fit that takes its time can be cancelled", async ({ dashboard, demo, page }) => {
  const job = { id: "1", model: "linear", progress: { step: 3, of: 1000 }, result: null, error: null };
  let cancelled = false;
  await page.route("**/api/chemistry/fit", (route) =>
    route.fulfill({ status: 202, json: { ...job, state: "waiting" } }),
  );
  await page.route("**/api/chemistry/fit/1", (route) => {
    cancelled ||= route.request().method() === "DELETE";
    return route.fulfill({ json: { ...job, state: "running" } });
  });
  await dashboard.open(demo, "Chemistry");
  await page.getByLabel("Points", { exact: true }).fill("1 2\n2 4\n");
  await dashboard.button("Fit").click();
  await expect(page.getByTestId("fitting")).toContainText("Step 3");
  await dashboard.button("Cancel").click();
  await expect(page.getByText("The fit was cancelled")).toBeVisible();
  await expect.poll(() => cancelled).toBe(true);
});
