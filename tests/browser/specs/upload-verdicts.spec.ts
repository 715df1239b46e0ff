// Verdicts on a file that take longer than a request may: the page follows the file's record to its account.
import type { Page, Route } from "@playwright/test";
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

/** The real record, with what it says while it is not done. */
function says(state: State, left: number): Look {
  return async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), state, series_left: left, answer: null } });
  };
}

const saysDone: Look = (route) => route.continue();

/** A file that is taken in by now, and its record, which the page gets to see as if it were not. */
class SlowFile {
  /** When the record was asked for. */
  readonly asked: number[] = [];
  /** What it says, look by look; the last one for ever. */
  looks: Look[] = [];
  readonly answer: IngestAnswer;
  readonly #page: Page;
  #answering: Promise<void> | undefined;

  private constructor(page: Page, answer: IngestAnswer) {
    this.#page = page;
    this.answer = answer;
  }

  /** Sends the file from the page, whose post is answered with 202. */
  static async upload(page: Page, host: Host, site: string, state: State, ...looks: Look[]): Promise<SlowFile> {
    const file = new SlowFile(page, await client(host).ingest(csv, { site }));
    file.looks = looks;
    await page.clock.install();
    const { id } = file.answer;
    const headers = { Location: `/api/ingests/${id}` };
    await page.route("**/api/ingest?*", (route) =>
      route.fulfill({ status: 202, headers, json: { id, state, message: "" } }),
    );
    await page.route(`**/api/ingests/${id}`, (route) => {
      file.asked.push(Date.now());
      file.#answering = (file.looks.length > 1 ? file.looks.shift() : file.looks[0])?.(route);
      return file.#answering;
    });
    const dashboard = new Dashboard(page);
    await dashboard.open(host, "Upload");
    await dashboard.choose({ name: "slow.csv", csv }, site);
    await dashboard.button("Upload").click();
    return file;
  }

  /** Stops the page's clock, and what was due by then has been done. */
  async pause(): Promise<void> {
    await this.#page.clock.pauseAt(Date.now() + 10_000);
    await this.#settled();
  }

  /** Lets time pass on the page; resolves with how often the record was asked for meanwhile. */
  async pass(milliseconds: number): Promise<number> {
    const before = this.asked.length;
    await this.#page.clock.fastForward(milliseconds);
    await this.#settled();
    return this.asked.length - before;
  }

  /** Waits until the page has the answer to what it has asked by now. A request made later is seen and answered later. */
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
  const looks = [says("judging", 12), says("judging", 1), saysDone];
  const { answer, asked } = await SlowFile.upload(page, demo, "slow-file", "judging", ...looks);
  await expect(page.getByRole("status").filter({ hasText: STORED })).toBeVisible();
  const left = page.getByTestId("series-left");
  await expect(left).toHaveText(" · 12 series left");
  await expect(page.getByRole("progressbar", { name: "Upload progress" })).toBeVisible();
  await expect(dashboard.result).toHaveCount(0);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(left).toHaveText(" · 1 series left");

  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-taken")).toBe(answer.rows_taken);
  expect(answer.alerts.total).toBeGreaterThan(0);
  expect(await dashboard.counted("alerts-found")).toBe(answer.alerts.total);
  await expect(dashboard.result).toContainText(answer.digest);
  await expect(page.locator(".outcome")).toBeFocused();
  await expect(left).toBeHidden();
  const [first = 0, second = 0, third = 0, ...more] = asked;
  expect(Math.min(second - first, third - second), "milliseconds between two looks").toBeGreaterThan(1500);
  expect(more).toEqual([]);
});

test("the record is asked for more and more seldom, but every five seconds at least, until the page is left", async ({
  dashboard,
  demo,
  page,
}) => {
  const file = await SlowFile.upload(page, demo, "slow-pace", "judging", says("judging", 1200));
  await expect(page.getByTestId("series-left")).toHaveText(" · 1,200 series left");
  await expectAccessible(page, "a file that is being judged");
  await file.pause();
  expect(await file.pass(1900), "within two seconds").toBe(0);
  expect(await file.pass(200), "after two seconds").toBe(1);
  expect(await file.pass(600_000), "timers that are late go off once").toBe(1);
  expect(await file.pass(4900), "within five seconds").toBe(0);
  expect(await file.pass(200), "after five seconds").toBe(1);

  await dashboard.go("Overview");
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
  await expect(dashboard.result).toHaveAttribute("data-status", "interrupted");
  await expect(page.getByRole("alert")).toContainText("Send the file again");
  expect(await file.pass(60_000), "it is not asked for any more").toBe(0);

  await page.clock.resume();
  await expectAccessible(page, "a file that was interrupted");
  await page.unroute("**/api/ingest?*");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "known");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a connection that is lost for a while is no refusal", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/ERR_FAILED|status of 503/);
  const lost: Look = (route) => route.abort();
  const busy: Look = (route) => route.fulfill({ status: 503, body: "busy" });
  const file = await SlowFile.upload(page, demo, "slow-lost", "judging", lost, busy, lost);
  await expect.poll(() => file.asked.length).toBeGreaterThan(2);
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
  await expect(dashboard.result).toHaveCount(0);
});

test("while verdicts on one file take long, the next one can be prepared and sent", async ({
  dashboard,
  demo,
  page,
}) => {
  const file = await SlowFile.upload(page, demo, "slow-first", "judging", says("judging", 2));
  await expect(page.getByTestId("series-left")).toHaveText(" · 2 series left");
  const site = page.getByRole("textbox", { name: "Site of the readings" });
  await site.fill("slow-next");
  file.looks = [saysDone];
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await expect(site, "who types is not led away").toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "The account of the file is there." })).toBeAttached();

  file.looks = [says("judging", 2)];
  await dashboard.button("Upload").click();
  await expect(page.getByTestId("series-left")).toHaveText(" · 2 series left");
  await page.unroute("**/api/ingest?*");
  await dashboard.choose({ name: "next.csv", csv: tidy(5) });
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toContainText("next.csv");
  expect(await dashboard.counted("rows-taken")).toBe(5);
  await file.pause();
  expect(await file.pass(60_000), "nobody waits for the first any more").toBe(0);
});
