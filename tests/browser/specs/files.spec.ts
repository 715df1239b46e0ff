// The ledger of files: what arrived, from where, its outcome, and people's decisions.
import { expectAccessible } from "../harness/axe.ts";
import { tidy } from "../harness/csv.ts";
import type { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

const SULFATE = { parameter: "SO4", value: 250, unit: "mg/L", statistic: "instant" };

/** A reading above the limit, one below it, an empty row, and two unreadable ones. */
const MIXED = `time,species,concentration,qualifier
2026-03-01T00:00:00Z,SO4,200,
2026-03-01T06:00:00Z,SO4,900,
2026-03-01T12:00:00Z,SO4,,NS
yesterday,SO4,210,
2026-03-02T00:00:00Z,SO4,NaN,
`;

/** Sends a file whose rows are partly bad, and opens the list of its site's files. */
async function prepare(dashboard: Dashboard, host: Host, site: string): Promise<string> {
  await client(host).permit(site, [SULFATE]);
  const { id } = await client(host).ingest(MIXED, { site, source: `${site}.csv` });
  await dashboard.page.goto(`${host.origin}/#/files?of=${site}`);
  await expect(dashboard.file(`${site}.csv`)).toBeVisible();
  return id;
}

test("each file tells when it came, from whom, for which site, what became of its rows, and the verdict", async ({
  dashboard,
  demo,
}) => {
  await prepare(dashboard, demo, "files-told");
  const file = dashboard.file("files-told.csv");
  await expect(file).toHaveAttribute("data-status", "open");
  await expect(file).toContainText("Taken in, with refused rows");
  await expect(file).toContainText(/20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC/);
  await expect(file).toContainText("From 127.0.0.1 · files-told · ");
  await expect(file).toContainText("2 rows taken, 2 refused, 1 without a reading");
  await expect(file).toContainText("1 exceedance: 1 critical · 2 readings judged");
  await expect(file.locator(".file-state svg"), "a sign that is no colour").toBeVisible();
});

test("the account of a file is shown in full, has an address, and leads back to the list", async ({
  dashboard,
  demo,
  page,
}) => {
  const id = await prepare(dashboard, demo, "files-account");
  await dashboard.file("files-account.csv").getByRole("link").click();
  await expect(page).toHaveURL(new RegExp(`file=${id}`));
  await expect(dashboard.heading()).toHaveText("files-account.csv");
  const refused = page.getByRole("table", { name: "Refused rows" });
  await expect(refused.getByRole("row").filter({ hasText: "yesterday" })).toContainText("5");
  await expect(refused.getByRole("row").filter({ hasText: "NaN" })).toContainText("concentration");
  await expect(page.getByRole("table", { name: "Exceedances" })).toContainText("900");
  expect(await dashboard.counted("rows-refused")).toBe(2);
  await expect(page.getByText("Rows without a reading: ")).toContainText("NS");
  await expectAccessible(page, "the account of a file");

  await page.reload();
  await expect(refused).toBeVisible();
  await page.getByRole("link", { name: "All files" }).click();
  await expect(dashboard.file("files-account.csv").getByRole("link"), "who was there goes on there").toBeFocused();
  await dashboard.file("files-account.csv").getByRole("link").click();
  await expect(dashboard.heading()).toHaveText("files-account.csv");
  await dashboard.go("Files");
  await expect(dashboard.heading()).toHaveText("Files");
});

test("a file that does not exist is said not to", async ({ demo, page, watch }) => {
  watch.expect(/status of 404/);
  await page.goto(`${demo.origin}/#/files?file=nothing`);
  await expect(page.getByRole("alert")).toContainText("no ingest has this id");
  await page.getByRole("link", { name: "All files" }).click();
  await expect(page.getByTestId("file").first()).toBeVisible();
});

test("a file is withdrawn with a reason, and says who did so, when and why", async ({ dashboard, demo, page }) => {
  const site = "files-withdrawn";
  await prepare(dashboard, demo, site);
  expect(await client(demo).alerts(site)).toHaveLength(1);
  const file = dashboard.file(`${site}.csv`);
  const dialog = page.getByRole("dialog");
  await file.getByRole("button", { name: "Withdraw this file" }).click();
  await expect(dialog).toHaveAccessibleName(`Withdraw ${site}.csv?`);
  await expect(dialog).toContainText("Its 2 readings no longer count.");
  await expect(dialog).toContainText(`Verdicts are worked out anew at ${site}`);
  await expect(dialog).toContainText("This cannot be taken back.");
  await expectAccessible(page, "the dialog before a file is withdrawn");
  await dashboard.decide("Withdraw", "  \n ");
  await expect(dialog.getByRole("alert")).toHaveText("A reason is needed.");
  await dashboard.decide("Withdraw", "x".repeat(601));
  await expect(dialog.getByRole("alert")).toHaveText("A reason has at most 600 bytes.");
  expect(await client(demo).alerts(site)).toHaveLength(1);
  await dashboard.decide("Withdraw", "Of another\nplant");
  await expect(dialog).toHaveCount(0);
  await expect(file).toHaveAttribute("data-status", "withdrawn");
  await expect(file).toContainText("The file is withdrawn: 1 alert withdrawn, 0 new ones.");
  await expect(file).toContainText(/Withdrawn: Of another plant \(20\d\d-.* UTC, 127\.0\.0\.1\)/);
  await expect(file).toContainText("While it counted: 1 exceedance");
  await expect(file.getByRole("button")).toHaveCount(0);
  expect(await client(demo).alerts(site)).toEqual([]);
  await expectAccessible(page, "a file that was withdrawn");
});

test("refused rows are dealt with by the keyboard, and the dialog can be left without doing anything", async ({
  dashboard,
  demo,
  page,
}) => {
  const site = "files-resolved";
  await prepare(dashboard, demo, site);
  const file = dashboard.file(`${site}.csv`);
  const dialog = page.getByRole("dialog");
  const button = file.getByRole("button", { name: "Refused rows are dealt with" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(dialog).toContainText("no certificate over their time says COMPLIANT");
  await expect(dialog.getByLabel("Reason")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(button, "who was there goes on there").toBeFocused();
  await expect(file).toHaveAttribute("data-status", "open");

  await page.keyboard.press("Enter");
  await page.keyboard.type("Lines of the laboratory's footer");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(file).toHaveAttribute("data-status", "taken");
  await expect(file).toContainText("Refused rows dealt with: Lines of the laboratory's footer");
  await expect(file).toContainText("noted as dealt with");
  await expect(button).toHaveCount(0);
  const isInFile = () => file.evaluate((item) => item.contains(document.activeElement));
  expect(await isInFile(), "the focus stays at the file").toBe(true);
});

test("what the server does not allow is said in the dialog, which stays", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 409/);
  await prepare(dashboard, demo, "files-conflict");
  const error = { code: "unfinished", message: "the file is still being ingested", request_id: "r-9" };
  await page.route("**/api/ingests/*/resolution", (route) => route.fulfill({ status: 409, json: { error } }));
  await dashboard.file("files-conflict.csv").getByRole("button", { name: "Refused rows are dealt with" }).click();
  await dashboard.decide("They are dealt with", "Footer");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("alert")).toContainText("still being ingested");
  await expect(dialog.getByLabel("Reason")).toHaveValue("Footer");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toHaveCount(0);
});

test("a file that comes while the list is open is in it, without a reload", async ({ dashboard, demo, page }) => {
  const site = "files-live";
  await client(demo).ingest(tidy(3), { site, source: "before.csv" });
  await page.goto(`${demo.origin}/#/files?site=${site}&of=${site}`);
  await expect(dashboard.file("before.csv")).toBeVisible();
  await dashboard.live();
  await client(demo).ingest(tidy(4, { species: "Ni" }), { site, source: "after.csv" });
  const files = page.getByTestId("files").getByTestId("file");
  await expect(files).toHaveCount(2);
  await expect(files.first()).toContainText("after.csv");
  await expect(page.getByRole("status").filter({ hasText: "1 new file: after.csv, Taken in." })).toBeAttached();

  // There is no event for a site that nobody watches, so it appears a little later.
  await page.getByLabel("Files of").selectOption("");
  await client(demo).ingest(tidy(2), { site: "files-live-elsewhere", source: "elsewhere.csv" });
  await expect(dashboard.file("elsewhere.csv")).toBeVisible({ timeout: 40_000 });
});

test("a file that is under way says how far it is, until it is done", async ({ dashboard, demo, page }) => {
  const site = "files-underway";
  await client(demo).ingest(tidy(5), { site, source: "slow.csv" });
  let change: object | null = { state: "recording", answer: null, progress: { read: 5 << 20, of: 20 << 20 } };
  await page.route("**/api/ingests?*", async (route) => {
    const response = await route.fetch();
    const { ingests, next } = await response.json();
    const isSlow = (record: { source: string }) => record.source === "slow.csv";
    const changed = ingests.map((record: { source: string }) => (isSlow(record) ? { ...record, ...change } : record));
    await route.fulfill({ response, json: { ingests: changed, next } });
  });
  await page.route("**/api/ingests/*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ...change } });
  });
  await page.goto(`${demo.origin}/#/files?of=${site}&state=underway`);
  const file = dashboard.file("slow.csv");
  await expect(file).toContainText("Being recorded");
  await expect(file).toContainText("5.0 MB of 20.0 MB read");
  await expect(file.getByRole("button"), "what is under way cannot be decided about").toHaveCount(0);
  await expectAccessible(page, "a file that is under way");
  change = { state: "judging", answer: null, series_left: 7 };
  await expect(file).toContainText("7 series left to be judged");
  await page.getByLabel("In state").selectOption("");
  change = null;
  await expect(file).toHaveAttribute("data-status", "taken");
  await expect(file).toContainText("5 rows taken");
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

test("files are listed by site and by state, and the address keeps both", async ({ dashboard, demo, page }) => {
  await prepare(dashboard, demo, "files-filter");
  await client(demo).ingest(tidy(3), { site: "files-filter", source: "good.csv" });
  await client(demo).ingest(tidy(3), { site: "files-filter-other", source: "other.csv" });
  const summary = page.getByTestId("files-summary");
  const names = page.getByTestId("files").getByRole("heading", { level: 3 });
  await page.reload();
  await expect(names).toHaveText([/^good\.csv/, /^files-filter\.csv/]);
  await page.getByLabel("In state").selectOption("With refused rows to deal with");
  await expect(names).toHaveText([/^files-filter\.csv/]);
  await expect(summary).toHaveText(/^1 of (the latest )?\d+ files$/);
  await page.reload();
  await expect(names).toHaveText([/^files-filter\.csv/]);
  await page.getByLabel("In state").selectOption("Withdrawn");
  await expect(names).toHaveCount(0);
  await page.getByLabel("In state").selectOption("All states");
  await page.getByLabel("Files of").selectOption("files-filter-other");
  await expect(names).toHaveText([/^other\.csv/]);
});

test("a long ledger is read page by page, the latest first, and nothing comes twice", async ({
  dashboard,
  page,
  startHost,
}) => {
  const host = await startHost();
  const count = 45;
  for (let file = 0; file < count; file++) {
    await client(host).ingest(tidy(1 + file), { site: "long", source: `file-${file}.csv` });
  }
  await dashboard.open(host, "Files");
  const files = page.getByTestId("files").getByTestId("file");
  const summary = page.getByTestId("files-summary");
  await expect(files).toHaveCount(20);
  await expect(files.first()).toContainText("file-44.csv");
  await expect(summary).toHaveText("The latest 20 files");
  await dashboard.button("Show more files").click();
  await expect(files).toHaveCount(40);
  await expect(files.nth(20).getByRole("link"), "what is new gets the focus").toBeFocused();
  await dashboard.button("Show more files").click();
  await expect(files).toHaveCount(count);
  await expect(summary).toHaveText("45 files");
  await expect(dashboard.button("Show more files")).toHaveCount(0);
  const ids = await files.evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset.id));
  expect(new Set(ids).size).toBe(count);
});

test("a ledger that cannot be loaded says so, and can be tried again", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 503/);
  const error = { code: "unavailable", message: "the database does not answer", request_id: "r-17" };
  await page.route("**/api/ingests?*", (route) => route.fulfill({ status: 503, json: { error } }));
  await dashboard.open(demo, "Files");
  await expect(page.getByRole("alert")).toContainText("the database does not answer");
  await page.unroute("**/api/ingests?*");
  const again = dashboard.button("Try again");
  await expect(async () => {
    // On a new connection, the page retries by itself.
    if (await again.isVisible()) await again.click({ timeout: 1000 });
    await expect(page.getByTestId("file").first()).toBeVisible({ timeout: 1000 });
  }).toPass();
});

test("a host without files says that there are none", async ({ dashboard, page, startHost }) => {
  const host = await startHost();
  await dashboard.open(host, "Files");
  await expect(page.getByText("No file has been taken in yet.")).toBeVisible();
});
