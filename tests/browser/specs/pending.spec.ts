// Pending verdicts: the page says so until they are there.
import { expectAccessible } from "../harness/axe.ts";
import { openEditor, prepareSulfate } from "../harness/editor.ts";
import { client, expect, test } from "../harness/fixtures.ts";

test("while verdicts are worked out the page says so, and stops when they are", async ({ dashboard, demo, page }) => {
  const site = "permit-pending";
  await prepareSulfate(demo, site);
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
  const editor = await openEditor(page, demo, site);
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

  // The page polls no more until something happens, so changes are in the first answer after that. Before, requests
  // caused by the last permit may still be in progress.
  const parameters = ["A", "B", "C", "D", "E"];
  let asked = 0;
  while (asked !== 1 && parameters.length > 0) {
    const species = parameters.shift() ?? "";
    const before = looks;
    await page.clock.fastForward("01:00");
    await client(demo).publish({ time: "2026-03-04T00:00:00Z", species, concentration: 7, site });
    await expect(dashboard.tile(species)).toBeVisible();
    asked = looks - before;
  }
  expect(asked).toBe(1);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
