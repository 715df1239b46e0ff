// Two people, or one in two tabs, edit the same permit: nothing is overwritten unseen.
import { expectAccessible } from "../harness/axe.ts";
import { openEditor, prepareSulfate, SULFATE, words } from "../harness/editor.ts";
import { client, expect, test } from "../harness/fixtures.ts";

test.beforeEach(({ watch }) => watch.expect(/status of 409/));

test("the second of two who save is shown what the first changed, keeps their own, and takes over", async ({
  context,
  demo,
  page,
}) => {
  const site = "conflict-theirs";
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
  const theirs = await openEditor(await context.newPage(), demo, site);

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
    "Changed: SO4, each result | Limit: 250 becomes 120",
    "Added: Zinc, outfall 002, each result at most 0.5 mg/L, in June, July",
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
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [{ ...SULFATE, value: 120 }]);
  await mine.save();
  await mine.expectConflict(2, 1);

  await mine.button("Keep mine").click();
  const preview = page.getByRole("region", { name: "Preview" });
  await expect(preview).toBeFocused();
  // 240 and 260 exceed 230; under 120 all three do.
  await expect(page.getByTestId("preview-total")).toHaveText("2");
  await expect(mine.panel).toHaveCount(0);
  await expect(mine.said.filter({ hasText: "in place of version 2" })).toBeVisible();
  expect((await client(demo).inForce(site)).version, "keeping is not saving").toBe(2);

  await client(demo).permit(site, [{ ...SULFATE, value: 110 }]);
  await mine.save();
  await mine.expectConflict(3, 2);
  expect(await words(mine.changes)).toEqual(["Changed: SO4, each result | Limit: 120 becomes 110"]);
  await mine.button("Keep mine").click();
  await expect(preview).toBeFocused();
  await mine.save();
  await mine.expectSaved(4);
  expect(await client(demo).limits(site)).toMatchObject([{ parameter: "SO4", value: 230 }]);
});

test("limits that cannot be kept as they are do not take the place of anything", async ({ demo, page, watch }) => {
  watch.expect(/status of 422/);
  const site = "conflict-invalid";
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
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
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
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
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
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
  await prepareSulfate(demo, site);
  const mine = await openEditor(page, demo, site);
  await mine.input("Limit 1").fill("230");
  await client(demo).permit(site, [
    { ...SULFATE, action: hostile },
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
