// Another person's changes to a permit, in words.
import type { Limit } from "../harness/client.ts";
import { Editor, openEditor, SULFATE, words } from "../harness/editor.ts";
import { expect, test } from "../harness/fixtures.ts";

test.beforeEach(({ watch }) => watch.expect(/status of 409/));

/** A change to a permit, and its description. */
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
      "Removed: SO4, outfall 001, each result at most 250 mg/L. Action: Check dosing",
      "Added: SO4, outfall 002, mean of 5 results at most 0.2 g/L, in January, December, non-detects as half",
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
      "Changed: A, outfall 001, each result | Outfall: 001 becomes all",
      "Changed: B, mean of 3 results | Statistic: Mean of 3 results becomes Mean of 7 results",
      "Changed: C, each result | Limit: 250 becomes 2.5e-7",
      "Changed: D, each result | Unit: mg/L becomes ug/L",
      "Changed: E, each result | Months: June becomes all",
      "Changed: F, monthly average | Non-detects: as zero becomes in full",
      "Changed: G, each result | Action: Check dosing becomes built-in advice",
    ],
  },
  {
    what: "one of several for the same parameter: the one that fits best",
    before: [SULFATE, { ...SULFATE, statistic: "daily_max", value: 300 }, { ...SULFATE, outfall: "002", value: 10 }],
    after: [{ ...SULFATE, outfall: "002", value: 12 }, { ...SULFATE, statistic: "daily_max", value: 310 }, SULFATE],
    told: [
      "Changed: SO4, daily maximum | Limit: 300 becomes 310",
      "Changed: SO4, outfall 002, each result | Limit: 10 becomes 12",
    ],
  },
  {
    what: "the letters of a name, which is the same name",
    before: [SULFATE],
    after: [{ ...SULFATE, parameter: "so4" }],
    told: ["Changed: SO4, each result | Parameter: SO4 becomes so4"],
  },
  {
    what: "all of it",
    before: [SULFATE],
    after: [],
    told: ["Removed: SO4, each result at most 250 mg/L. Action: Check dosing"],
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
      effective_from: null,
      time_zone: "UTC",
      week_starts: "sunday",
      versions: [{ version, effective_from: null, updated_at: "2026-11-26T12:00:00Z", limits: limits.length }],
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
    await openEditor(page, demo, "told");
    // Otherwise the user's version has nothing that the other one lacks.
    await editor.input("Action 1").fill("Mine");
    await editor.save();
    await editor.expectConflict(5, 4);
    await expect(editor.panel).toContainText("From version 4 to version 5");
    expect(await words(editor.changes), what).toEqual(told);
    await expect(editor.panel.getByText("The limits are the same in both.")).toHaveCount(told.length === 0 ? 1 : 0);
    await page.unroute("**/api/permits/told");
  }
});
