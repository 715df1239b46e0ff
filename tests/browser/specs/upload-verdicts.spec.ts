// Verdicts on a file that take longer than a request may: the page follows the file's record until its account is
// there.
import type { Locator, Page, Route } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import type { IngestAnswer } from "../harness/client.ts";
import { tidy } from "../harness/csv.ts";
import { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

const STORED = "The file is stored. Verdicts are being worked out";
const BEING_STORED = "Sent. The readings are being stored";
const csv = tidy(48, { peak: 24 });

type State = "recording" | "judging";
type Look = (route: Route) => Promise<void>;

/** The real record, with fields that say it is not done. */
function says(state: State, left: number): Look {
  return async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), state, series_left: left, answer: null } });
  };
}

/** A poll that is answered once the test has seen the effect of the previous one. */
function gate(look: Look): { open: () => void; look: Look } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, look: (route) => promise.then(() => look(route)) };
}

/** A site that the page offers. */
function listed(page: Page, site: string): Locator {
  return page.getByRole("combobox", { name: "Site" }).locator(`option[value="${site}"]`);
}

const saysDone: Look = (route) => route.continue();

/** A file that is already ingested, and its record, which pretends to the page that it is not. */
class SlowFile {
  /** How often the record was requested. */
  asked = 0;
  /** Its answers, poll by poll; the last one is repeated. */
  looks: Look[] = [];
  readonly answer: IngestAnswer;
  readonly #page: Page;
  #answering: Promise<void> | undefined;

  private constructor(page: Page, answer: IngestAnswer) {
    this.#page = page;
    this.answer = answer;
  }

  /** Sends the file from the page; its post is answered with 202. */
  static async upload(page: Page, host: Host, site: string, state: State, ...looks: Look[]): Promise<SlowFile> {
    await page.clock.install();
    const dashboard = new Dashboard(page);
    await dashboard.open(host, "Upload");
    await expect(listed(page, "demo")).toBeAttached();
    const file = new SlowFile(page, await client(host).ingest(csv, { site }));
    file.looks = looks;
    const { id } = file.answer;
    const headers = { Location: `/api/ingests/${id}` };
    await page.route("**/api/ingest?*", (route) =>
      route.fulfill({ status: 202, headers, json: { id, state, message: "" } }),
    );
    await page.route(`**/api/ingests/${id}`, (route) => {
      file.asked += 1;
      file.#answering = (file.looks.length > 1 ? file.looks.shift() : file.looks[0])?.(route);
      return file.#answering;
    });
    await dashboard.choose({ name: "slow.csv", csv }, site);
    await dashboard.button("Upload").click();
    return file;
  }

  /** Stops the page's clock, after everything due by then is done. */
  async pause(): Promise<void> {
    await this.#page.clock.pauseAt(Date.now() + 10_000);
    await this.#settled();
  }

  /** Lets time pass on the page; resolves with the number of polls meanwhile. */
  async pass(milliseconds: number): Promise<number> {
    const before = this.asked;
    await this.#page.clock.fastForward(milliseconds);
    await this.#settled();
    return this.asked - before;
  }

  /** Waits until the page has the answers to all requests made so far. */
  async #settled(): Promise<void> {
    const ask = () => this.#page.evaluate(async () => void (await (await fetch("/api/status")).text()));
    await ask();
    await this.#answering;
    await ask();
  }
}

test("a file whose verdicts take long is shown as stored, and in the end with its account", async ({
  dashboard,
  demo,
  page,
}) => {
  const [second, last] = [gate(says("judging", 1)), gate(saysDone)];
  const looks = [says("judging", 12), second.look, last.look];
  const file = await SlowFile.upload(page, demo, "slow-file", "judging", ...looks);
  await expect(page.getByRole("status").filter({ hasText: STORED })).toBeVisible();
  const left = page.getByTestId("measure");
  await expect(left).toHaveText(" · 12 series left");
  await expect(page.getByRole("progressbar", { name: "Upload progress" })).toBeVisible();
  await expect(dashboard.result).toHaveCount(0);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(listed(page, "slow-file"), "its readings can be looked at").toBeAttached();
  second.open();
  await expect(left).toHaveText(" · 1 series left");

  last.open();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-taken")).toBe(file.answer.rows_taken);
  expect(file.answer.alerts.total).toBeGreaterThan(0);
  expect(await dashboard.counted("alerts-found")).toBe(file.answer.alerts.total);
  await expect(dashboard.result).toContainText(file.answer.digest);
  await expect(page.locator(".outcome")).toBeFocused();
  await expect(left).toHaveCount(0);
  expect(file.asked).toBe(looks.length);
});

test("the record is asked for more and more seldom, but every five seconds at least, in other views, too", async ({
  dashboard,
  demo,
  page,
}) => {
  const file = await SlowFile.upload(page, demo, "slow-pace", "judging", says("judging", 1200));
  await expect(page.getByTestId("measure")).toHaveText(" · 1,200 series left");
  await expectAccessible(page, "a file that is being judged");
  await file.pause();
  expect(await file.pass(1900), "within two seconds").toBe(0);
  expect(await file.pass(200), "after two seconds").toBe(1);
  expect(await file.pass(600_000), "timers that are late go off once").toBe(1);
  expect(await file.pass(4900), "within five seconds").toBe(0);
  expect(await file.pass(200), "after five seconds").toBe(1);

  await dashboard.go("Overview");
  await expect(page.getByTestId("uploads")).toHaveText("Judging");
  expect(await file.pass(5100), "it is followed wherever one is").toBe(1);
  file.looks = [saysDone];
  await page.clock.resume();
  await page.getByTestId("uploads").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await file.pass(60_000), "nobody waits any more").toBe(0);
});

test("when nothing happens for a minute while a file is stored, the page says to send it again", async ({
  dashboard,
  demo,
  page,
  watch,
}) => {
  watch.expect(/status of 404/);
  const missing: Look = (route) =>
    route.fulfill({ status: 404, json: { error: { code: "not_found", message: "no ingest has this id" } } });
  const file = await SlowFile.upload(page, demo, "slow-interrupted", "recording", missing);
  await expect(page.getByRole("status").filter({ hasText: BEING_STORED })).toBeVisible();
  await file.pause();
  file.looks = [says("recording", 3)];
  expect(await file.pass(50_000)).toBe(1);
  expect(await file.pass(50_000), "something has happened since").toBe(1);
  await expect(page.getByRole("status").filter({ hasText: BEING_STORED })).toBeVisible();
  await expect(dashboard.result).toHaveCount(0);
  expect(await file.pass(10_000)).toBe(1);
  await expect(dashboard.result).toHaveAttribute("data-status", "unfinished");
  await expect(page.getByRole("alert")).toContainText("Send the file again");
  expect(await file.pass(60_000), "it is not asked for any more").toBe(0);

  await page.clock.resume();
  await expectAccessible(page, "a file that was interrupted");
  await page.unroute("**/api/ingest?*");
  await dashboard.button("Try again").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "known");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a connection that is lost for a while is no refusal", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/ERR_FAILED|status of 503/);
  const lost: Look = (route) => route.abort();
  const busy: Look = (route) => route.fulfill({ status: 503, body: "busy" });
  const file = await SlowFile.upload(page, demo, "slow-lost", "judging", lost, busy, lost);
  await expect.poll(() => file.asked).toBeGreaterThan(2);
  await expect(page.getByRole("status").filter({ hasText: STORED })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  file.looks = [saysDone];
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
});

test("what is refused when verdicts are asked for does not make the file refused", async ({
  dashboard,
  demo,
  page,
  watch,
}) => {
  watch.expect(/status of 403/);
  const error = { code: "forbidden", message: "not for this token" };
  const forbidden: Look = (route) => route.fulfill({ status: 403, json: { error } });
  await SlowFile.upload(page, demo, "slow-forbidden", "judging", forbidden);
  await expect(page.getByRole("alert")).toContainText(error.message);
  await expect(dashboard.result).toHaveAttribute("data-status", "unfinished");
});

test("while verdicts on one file take long, the next one can be prepared and sent", async ({
  dashboard,
  demo,
  page,
}) => {
  const file = await SlowFile.upload(page, demo, "slow-first", "judging", says("judging", 2));
  await expect(page.getByTestId("measure")).toHaveText(" · 2 series left");
  const site = page.getByRole("textbox", { name: "Site of the readings" });
  await site.fill("slow-next");
  file.looks = [saysDone];
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await expect(site, "who types is not led away").toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "The account of the file is there." })).toBeAttached();

  file.looks = [says("judging", 2)];
  await dashboard.choose({ name: "slow-too.csv", csv });
  await dashboard.button("Upload").click();
  await expect(page.getByTestId("measure")).toHaveText(" · 2 series left");
  await page.unroute("**/api/ingest?*");
  await dashboard.choose({ name: "next.csv", csv: tidy(5) });
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toContainText("next.csv");
  expect(await dashboard.counted("rows-taken")).toBe(5);

  file.looks = [saysDone];
  const late = dashboard.upload("slow-too.csv");
  await expect(late, "the account that is read stays").toContainText("rows taken");
  await expect(dashboard.result).toContainText("next.csv");
  await late.getByRole("button", { name: "Show account" }).click();
  await expect(dashboard.result).toContainText("slow-too.csv");
  await expect(dashboard.upload("next.csv")).toBeVisible();
});
