// Two people, or one in two tabs, edit the same permit: nothing is overwritten that was not seen.
import type { Locator, Page } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import type { Limit } from "../harness/client.ts";
import { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

const SULFATE: Limit = { parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant", action: "Check dosing" };

/** What a person sees of the editor. */
class Editor {
  readonly page: Page;
  readonly panel: Locator;
  readonly changes: Locator;
  readonly said: Locator;

  constructor(page: Page) {
    this.page = page;
    this.panel = page.getByRole("region", { name: "The permit was changed meanwhile" });
    this.changes = this.panel.locator("[data-kind]");
    this.said = page.getByRole("status");
  }

  input(name: string): Locator {
    return this.page.getByRole("table", { name: "Limits" }).getByLabel(name, { exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  async save(): Promise<void> {
    await this.button("Save permit").click();
  }

  async expectSaved(version: number): Promise<void> {
    await expect(this.said.filter({ hasText: `Permit saved as version ${version}:` })).toBeVisible();
  }

  /** The panel is there, and who works with the keyboard is in it. */
  async expectConflict(version: number, begun: number): Promise<void> {
    await expect(this.panel).toBeFocused();
    const alert = this.panel.getByRole("alert");
    await expect(alert).toContainText(`changed to version ${version} at 20`);
    await expect(alert).toContainText(`while you were editing version ${begun}.`);
    await expect(this.button("Save permit")).toBeDisabled();
  }
}

/** Opens the editor of a site's permit, and waits until it is there. */
async function open(page: Page, host: Host, site: string): Promise<Editor> {
  await new Dashboard(page).open(host, "Permit", { site });
  const editor = new Editor(page);
  await expect(editor.input("Parameter 1")).toBeVisible();
  return editor;
}

/** Sulfate at 200, 240 and 260 mg/L, and a first version of the permit. */
async function prepare(host: Host, site: string): Promise<void> {
  const rows = [200, 240, 260].map((value, day) => `2026-03-0${day + 1}T00:00:00Z,SO4,${value}`);
  await client(host).ingest(["time,species,concentration", ...rows, ""].join("\n"), { site });
  await client(host).permit(site, [SULFATE]);
}

/** The words of each change, with what is for the eye alone left out. */
async function words(changes: Locator): Promise<string[]> {
  const texts = await changes.evaluateAll((items) =>
    items.map((item) => {
      const copy = item.cloneNode(true) as Element;
      for (const arrow of copy.querySelectorAll("[aria-hidden]")) arrow.remove();
      for (const part of copy.querySelectorAll("li")) part.prepend(" | ");
      return copy.textContent ?? "";
    }),
  );
  return texts.map((text) => text.replaceAll(/\s+/g, " ").trim());
}

test.beforeEach(({ watch }) => watch.expect(/status of 409/));

test("the second of two who save is shown what the first changed, keeps their own, and takes over", async ({
  context,
  demo,
  page,
}) => {
  const site = "conflict-theirs";
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  const theirs = await open(await context.newPage(), demo, site);

  await theirs.input("Limit 1").fill("120");
  await theirs.button("Add limit").click();
  await theirs.input("Parameter 2").fill("Zinc");
  await theirs.input("Outfall 2").fill("002");
  await theirs.input("Limit 2").fill("0.5");
  await theirs.input("Months 2").fill("7, 6");
  await theirs.save();
  await theirs.expectSaved(2);

  await mine.input("Action 1").fill("Divert to the lagoon");
  await mine.save();
  await mine.expectConflict(2, 1);
  expect(await words(mine.changes)).toEqual([
    "Changed: SO4, single readings | Limit: 250 becomes 120",
    "Added: Zinc, outfall 002, single readings at most 0.5 mg/L, in June, July",
  ]);
  await expect(mine.input("Action 1"), "what was entered is kept").toHaveValue("Divert to the lagoon");
  await expect(mine.input("Limit 1")).toHaveValue("250");
  expect(await client(demo).inForce(site), "nothing of it is saved").toMatchObject({
    version: 2,
    limits: [{ value: 120, action: "Check dosing" }, { parameter: "Zinc" }],
  });

  await mine.button("Take over theirs").click();
  await expect(mine.panel).toHaveCount(0);
  await expect(mine.page.getByRole("group", { name: "Limits, scrollable" })).toBeFocused();
  await expect(mine.input("Limit 1")).toHaveValue("120");
  await expect(mine.input("Action 1")).toHaveValue("Check dosing");
  await expect(mine.input("Parameter 2")).toHaveValue("Zinc");

  await mine.input("Limit 1").fill("130");
  await mine.save();
  await mine.expectSaved(3);
});

test("who keeps theirs sees the preview again and then overwrites; a third version in between is shown, too", async ({
  demo,
  page,
}) => {
  const site = "conflict-mine";
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [{ ...SULFATE, value: 120 }]);
  await mine.save();
  await mine.expectConflict(2, 1);

  await mine.button("Keep mine").click();
  const preview = page.getByRole("region", { name: "Preview" });
  await expect(preview).toBeFocused();
  // 240 and 260 are beyond 230; under 120 all three are.
  await expect(page.getByTestId("preview-total")).toHaveText("2");
  await expect(mine.panel).toHaveCount(0);
  await expect(mine.said.filter({ hasText: "in place of version 2" })).toBeVisible();
  expect((await client(demo).inForce(site)).version, "keeping is not saving").toBe(2);

  await client(demo).permit(site, [{ ...SULFATE, value: 110 }]);
  await mine.save();
  await mine.expectConflict(3, 2);
  expect(await words(mine.changes)).toEqual(["Changed: SO4, single readings | Limit: 120 becomes 110"]);
  await mine.button("Keep mine").click();
  await expect(preview).toBeFocused();
  await mine.save();
  await mine.expectSaved(4);
  expect(await client(demo).limits(site)).toMatchObject([{ parameter: "SO4", value: 230 }]);
});

test("limits that cannot be kept as they are do not take the place of anything", async ({ demo, page, watch }) => {
  watch.expect(/status of 422/);
  const site = "conflict-invalid";
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [{ ...SULFATE, value: 120 }]);
  await mine.save();
  await mine.expectConflict(2, 1);
  await mine.input("Limit 1").fill("-5");
  await mine.button("Keep mine").click();
  await expect(mine.input("Limit 1")).toHaveAttribute("aria-invalid", "true");
  await expect(mine.panel).toBeVisible();
  await expect(mine.button("Save permit")).toBeDisabled();
  await mine.input("Limit 1").fill("240");
  await mine.button("Keep mine").click();
  await expect(mine.panel).toHaveCount(0);
  await mine.save();
  await mine.expectSaved(3);
});

test("who saves again because the answer was lost is told that it is in force", async ({ demo, page, watch }) => {
  watch.expect(/ERR_FAILED/);
  const site = "conflict-lost";
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  await mine.input("Limit 1").fill("230");
  const address = `**/api/permits/${site}`;
  await page.route(address, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await mine.save();
  await expect(page.getByRole("alert")).toContainText("No connection");
  await page.unroute(address);
  await mine.save();
  await expect(mine.said.filter({ hasText: "in force already, as version 2" })).toBeVisible();
  await expect(mine.panel).toHaveCount(0);
  expect((await client(demo).inForce(site)).version).toBe(2);
  await mine.input("Limit 1").fill("240");
  await mine.save();
  await mine.expectSaved(3);
});

test("a conflict is decided by the keyboard alone", async ({ demo, page }) => {
  const site = "conflict-keys";
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [{ ...SULFATE, value: 120 }]);
  await mine.button("Save permit").focus();
  await page.keyboard.press("Enter");
  await mine.expectConflict(2, 1);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("group", { name: "Changes, scrollable" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(mine.button("Take over theirs")).toBeFocused();
  await expect(mine.button("Take over theirs")).toHaveAccessibleDescription(/replaced by version 2/);
  await page.keyboard.press("Tab");
  await expect(mine.button("Keep mine")).toBeFocused();
  await expect(mine.button("Keep mine")).toHaveAccessibleDescription(/place of version 2/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Preview" })).toBeFocused();
});

test("what others wrote is text, and axe finds nothing wrong with the panel", async ({ demo, page }) => {
  const site = "conflict-text";
  const hostile = `<img src=x onerror="window.pwned=1">`;
  await prepare(demo, site);
  const mine = await open(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [
    { ...SULFATE, action: hostile, unit: "mg/L as <b>" },
    { ...SULFATE, parameter: "W".repeat(256), outfall: hostile },
  ]);
  await mine.save();
  await mine.expectConflict(2, 1);
  await expect(mine.changes.first()).toContainText(`Action: Check dosing →  becomes ${hostile}`);
  await expect(mine.changes.last()).toContainText(`outfall ${hostile}`);
  await expect(mine.panel.locator("img, b")).toHaveCount(0);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveAttribute("data-theme", colorScheme);
    await expectAccessible(page, `a conflict, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page, "a conflict, phone");
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond, "it makes the page no wider").toBeLessThanOrEqual(0);
});

/** What became of a permit, and what a person is told of it. */
const COMPARISONS: { what: string; before: Limit[]; after: Limit[]; told: string[] }[] = [
  { what: "nothing", before: [SULFATE], after: [SULFATE], told: [] },
  {
    what: "another order",
    before: [SULFATE, { ...SULFATE, parameter: "Ni" }],
    after: [{ ...SULFATE, parameter: "Ni" }, SULFATE],
    told: [],
  },
  {
    what: "outfall, statistic and more: it is another limit",
    before: [{ ...SULFATE, outfall: "001", direction: "max" }],
    after: [
      {
        parameter: "SO4",
        outfall: "002",
        value: 0.2,
        unit: "g/L",
        direction: "max",
        statistic: "rolling_mean",
        n: 5,
        months: [12, 1],
        non_detect: "half",
      },
    ],
    told: [
      "Removed: SO4, outfall 001, single readings at most 250 mg/L. Action: Check dosing",
      "Added: SO4, outfall 002, mean of 5 readings at most 0.2 g/L, in January, December, non-detects as half",
    ],
  },
  {
    what: "each field alone, by limits that tell each other apart",
    before: [
      { ...SULFATE, parameter: "A", outfall: "001" },
      { ...SULFATE, parameter: "B", statistic: "rolling_mean", n: 3, non_detect: "zero" },
      { ...SULFATE, parameter: "C", direction: "min" },
      { ...SULFATE, parameter: "D" },
      { ...SULFATE, parameter: "E", months: [6] },
      { ...SULFATE, parameter: "F", statistic: "monthly_avg", non_detect: "zero" },
      { ...SULFATE, parameter: "G" },
    ],
    after: [
      { parameter: "G", value: 250, unit: "mg/L", statistic: "instant", direction: "max" },
      { ...SULFATE, parameter: "F", statistic: "monthly_avg", non_detect: "full" },
      { ...SULFATE, parameter: "E" },
      { ...SULFATE, parameter: "D", unit: "ug/L" },
      { ...SULFATE, parameter: "C", direction: "min", value: 2.5e-7 },
      { ...SULFATE, parameter: "B", statistic: "rolling_mean", n: 7, non_detect: "zero" },
      { ...SULFATE, parameter: "A" },
    ],
    told: [
      "Changed: A, outfall 001, single readings | Outfall: 001 becomes all",
      "Changed: B, mean of 3 readings | Statistic: mean of 3 readings becomes mean of 7 readings",
      "Changed: C, single readings | Limit: 250 becomes 2.5e-7",
      "Changed: D, single readings | Unit: mg/L becomes ug/L",
      "Changed: E, single readings | Months: June becomes all",
      "Changed: F, monthly average | Non-detects: as zero becomes in full",
      "Changed: G, single readings | Action: Check dosing becomes built-in advice",
    ],
  },
  {
    what: "one of several for the same parameter: the one that fits best",
    before: [SULFATE, { ...SULFATE, statistic: "daily_max", value: 300 }, { ...SULFATE, outfall: "002", value: 10 }],
    after: [{ ...SULFATE, outfall: "002", value: 12 }, { ...SULFATE, statistic: "daily_max", value: 310 }, SULFATE],
    told: [
      "Changed: SO4, daily maximum | Limit: 300 becomes 310",
      "Changed: SO4, outfall 002, single readings | Limit: 10 becomes 12",
    ],
  },
  {
    what: "the letters of a name, which is the same name",
    before: [SULFATE],
    after: [{ ...SULFATE, parameter: "so4" }],
    told: ["Changed: SO4, single readings | Parameter: SO4 becomes so4"],
  },
  {
    what: "all of it",
    before: [SULFATE],
    after: [],
    told: ["Removed: SO4, single readings at most 250 mg/L. Action: Check dosing"],
  },
];

test("what became of a permit is told limit by limit", async ({ demo, page }) => {
  const editor = new Editor(page);
  for (const { what, before, after, told } of COMPARISONS) {
    const whole = (limits: Limit[]) => limits.map((limit) => ({ direction: "max", ...limit }));
    const permit = (version: number, limits: Limit[]) => ({
      site: "told",
      default: false,
      version,
      updated_at: "2026-11-26T12:00:00Z",
      limits: whole(limits),
    });
    const message = "The permit was changed to version 5 at 2026-11-26T12:00:00Z while you were editing version 4.";
    const details = { version: 5, permit: permit(5, after) };
    await page.route("**/api/permits/told", async (route) => {
      if (route.request().method() === "GET") return route.fulfill({ json: permit(4, before) });
      expect(route.request().headers()["if-match"]).toBe('"4"');
      const error = { code: "conflict", message, request_id: "r-1", details };
      return route.fulfill({ status: 409, json: { error } });
    });
    await page.goto("about:blank");
    await open(page, demo, "told");
    // Else the person has nothing that the other one has not.
    await editor.input("Action 1").fill("Mine");
    await editor.save();
    await editor.expectConflict(5, 4);
    await expect(editor.panel).toContainText("From version 4 to version 5");
    expect(await words(editor.changes), what).toEqual(told);
    await expect(editor.panel.getByText("The limits are the same in both.")).toHaveCount(told.length === 0 ? 1 : 0);
    await page.unroute("**/api/permits/told");
  }
});

test("while verdicts are worked out the page says so, and stops when they are", async ({ dashboard, demo, page }) => {
  const site = "permit-pending";
  await prepare(demo, site);
  await page.clock.install();
  let pending = 1500;
  let looks = 0;
  await page.route("**/api/overview?*", async (route) => {
    looks += 1;
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), pending } });
  });
  await page.route(`**/api/permits/${site}`, async (route) => {
    const response = await route.fetch();
    const json = { ...(await response.json()), pending };
    if (route.request().method() === "PUT") await route.fulfill({ response, status: 202, json });
    else await route.fulfill({ response });
  });
  const editor = await open(page, demo, site);
  await editor.input("Limit 1").fill("120");
  await editor.save();
  const said = editor.said.filter({ hasText: "Permit saved as version 2" });
  await expect(said).toContainText("verdicts on the readings are still being worked out");
  await expect(said, "how many alerts changed is not known yet").not.toContainText(/exceedance|withdrawn/);

  await dashboard.go("Overview");
  const note = page.getByTestId("pending");
  await expect(note).toHaveText("Verdicts are still being worked out · 1,500 left");
  await expectAccessible(page, "verdicts that are being worked out");
  pending = 3;
  await expect(note, "nothing happens, and the page asks all the same").toHaveText(/ · 3 left/);
  await dashboard.go("Permit");
  await expect(editor.input("Limit 1")).toHaveValue("120");
  await editor.input("Limit 1").fill("121");
  await editor.save();
  await expect(editor.said.filter({ hasText: "version 3" })).toContainText("still being worked out");
  pending = 0;
  await expect(editor.said.filter({ hasText: "version 3" })).toContainText("All verdicts have been worked out");
  await dashboard.go("Overview");
  await expect(note).toHaveText("");

  // Nothing asks any more, until something happens.
  const asked = looks;
  await page.clock.fastForward("01:00");
  await client(demo).publish({ time: "2026-03-04T00:00:00Z", species: "SO4", concentration: 7, site });
  await expect.poll(() => looks).toBeGreaterThan(asked);
  expect(looks).toBe(asked + 1);
});
