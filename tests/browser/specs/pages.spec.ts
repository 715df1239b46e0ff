// The announced pages exist, and load nothing that their own policy forbids.
import { expectAccessible } from "../harness/axe.ts";
import { expect, test } from "../harness/fixtures.ts";

test("the start page that is announced is there", async ({ demo, page }) => {
  const response = await page.goto(`${demo.origin}/`);
  expect(response?.status()).toBe(200);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(/effluent/i);
});

test("the documentation is a plain list, too", async ({ demo, page }) => {
  const response = await page.goto(`${demo.origin}/docs/list`);
  expect(response?.status()).toBe(200);
  await expect(page.getByText("/api/ingest").first()).toBeVisible();
  await expectAccessible(page, "/docs/list");
});

for (const path of ["/nowhere", "/assets/nothing.js", "/index.php"]) {
  test(`${path}, which does not exist, is a 404 and not the start page`, async ({ demo, page, watch }) => {
    watch.expect(/status of 404/);
    expect((await page.goto(demo.origin + path))?.status()).toBe(404);
  });
}
