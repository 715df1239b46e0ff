// Files too large for one request: in parts, over broken connections, over a reload, and one after the other.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page, Route } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import { bulky, tidy } from "../harness/csv.ts";
import { numberIn } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";
import type { Host } from "../harness/host.ts";

const ROWS = 3000;
/** Three parts of 16 MB, the last one shorter. */
const BYTES = 40_000_000;
const TOKEN = "9vQ2mB7xT4kL0sRfYc8HnWpZ6dGjE1aUoIq5tXy3KbM";

const folder = mkdtempSync(join(tmpdir(), "owsc-large-"));
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file on disk: the browser reads it part by part, and notices changes. */
function written(name: string, csv: string): string {
  const path = join(folder, name);
  writeFileSync(path, csv);
  return path;
}

/** How often each part has arrived, and with which headers. */
class Parts {
  readonly arrived = new Map<string, number>();
  readonly authorized: { url: string; header: string | undefined }[] = [];
  most = 0;

  static watch(page: Page): Parts {
    const parts = new Parts();
    let underway = 0;
    page.on("request", (request) => {
      if (request.method() !== "PUT") return;
      underway += 1;
      parts.most = Math.max(parts.most, underway);
      parts.authorized.push({ url: request.url(), header: request.headers().authorization });
    });
    const over = () => {
      underway -= 1;
    };
    page.on("requestfailed", (request) => request.method() === "PUT" && over());
    page.on("response", (response) => {
      if (response.request().method() !== "PUT") return;
      over();
      const { pathname, search } = new URL(response.url());
      // A store has upload and part in its query.
      const query = new URLSearchParams(search);
      const part = query.has("partNumber") ? `${query.get("uploadId")} ${query.get("partNumber")}` : pathname;
      if (response.ok()) parts.arrived.set(part, (parts.arrived.get(part) ?? 0) + 1);
    });
    return parts;
  }

  get times(): number[] {
    return [...this.arrived.values()];
  }
}

/** Intercepts the parts that leave the page. */
async function onParts(page: Page, act: (route: Route, nth: number) => Promise<void>): Promise<void> {
  let nth = 0;
  await page.route("**/*", async (route) => {
    if (route.request().method() !== "PUT") return route.fallback();
    nth += 1;
    return act(route, nth);
  });
}

async function send(page: Page, host: Host, path: string, site: string): Promise<void> {
  await page.goto(`${host.origin}/#/upload`);
  await page.getByLabel("CSV files").setInputFiles(path);
  await page.getByRole("textbox", { name: "Site of the readings" }).fill(site);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
}

test.describe("with a place for parts", () => {
  // Debug builds take some time to read 40 MB.
  test.setTimeout(180_000);
  const over = { timeout: 120_000 };

  test("a large file goes in parts, is followed in other views, and ends with its account", async ({
    dashboard,
    page,
    startHost,
  }) => {
    const host = await startHost();
    const path = written("large.csv", bulky(ROWS, BYTES, { peak: 1000 }));
    const parts = Parts.watch(page);
    await send(page, host, path, "large");
    const row = dashboard.upload("large.csv");
    await expect(row.getByRole("progressbar", { name: "Upload progress of large.csv" })).toBeVisible();
    await dashboard.go("Overview");
    await expect(page.getByTestId("uploads")).toBeVisible();
    await page.getByTestId("uploads").click();
    await expect(dashboard.result).toHaveAttribute("data-status", "stored", over);
    await expect(dashboard.result).toContainText("large.csv");
    expect(await dashboard.counted("rows-taken")).toBe(ROWS);
    expect(await dashboard.counted("alerts-found")).toBe((await client(host).alerts("large")).length);
    expect(await client(host).count("large")).toBe(ROWS);
    expect(parts.times, "each part once").toEqual([1, 1, 1]);
    expect(parts.most, "at the same time").toBeLessThanOrEqual(3);

    await send(page, host, path, "large");
    await expect(dashboard.result).toHaveAttribute("data-status", "known", over);
    expect(await client(host).count("large")).toBe(ROWS);
  });

  test("a broken connection is tried again, and goes on with what is missing", async ({
    dashboard,
    page,
    startHost,
    watch,
  }) => {
    watch.expect(/ERR_FAILED|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION/);
    const host = await startHost();
    const parts = Parts.watch(page);
    let isBroken = true;
    await onParts(page, async (route, nth) => {
      if (nth === 1) {
        // It has arrived, but the answer is lost.
        await route.fetch();
        parts.arrived.set("lost", 1);
        return route.abort();
      }
      return isBroken ? route.abort() : route.fallback();
    });
    await page.clock.install();
    await send(page, host, written("broken.csv", bulky(ROWS, BYTES)), "broken");
    const row = dashboard.upload("broken.csv");
    const broken = "The connection is broken. It goes on by itself";
    await expect(row).toContainText(broken);
    await expect(row).toContainText(/next try in \d+ second/);
    await expectAccessible(page, "a broken connection");
    // The next try fails as well, and then it would wait for ever, because the clock is stopped.
    await page.clock.pauseAt(Date.now() + 600_000);
    await expect(row).toContainText(/next try in [1-9]/);
    isBroken = false;
    await row.getByRole("button", { name: "Try now" }).click();
    await expect(row).not.toContainText(broken);
    await page.clock.resume();
    await expect(dashboard.result).toHaveAttribute("data-status", "stored", over);
    expect(await dashboard.counted("rows-taken")).toBe(ROWS);
    expect(parts.times, "no part twice, and the lost one counts").toEqual([1, 1, 1]);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("after a reload the same file goes on where it was", async ({ dashboard, page, startHost, watch }) => {
    watch.expect(/ERR_FAILED|ERR_ABORTED/);
    const host = await startHost();
    const path = written("reload.csv", bulky(ROWS, BYTES));
    const parts = Parts.watch(page);
    const { promise: never } = Promise.withResolvers<void>();
    await onParts(page, (route, nth) => (nth === 1 ? route.fallback() : never));
    await send(page, host, path, "reload");
    await expect.poll(() => parts.times).toEqual([1]);
    await page.reload();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    const row = dashboard.upload("reload.csv");
    await expect(row).toContainText("Interrupted. Choose the same file again to go on");
    expect(numberIn((await row.getByTestId("measure").textContent()) ?? ""), "megabytes").toBeGreaterThan(1);
    await expectAccessible(page, "an interrupted upload");

    const input = row.getByLabel("Choose the file");
    await input.setInputFiles({ name: "other.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n") });
    await expect(row.getByRole("alert")).toContainText("another file");
    const changed = new Date(Date.now() - 60_000);
    utimesSync(path, changed, changed);
    await input.setInputFiles(path);
    await expect(row.getByRole("alert")).toContainText("changed since its upload began");
    await row.getByRole("button", { name: "Give it up" }).click();
    await expect(row).toHaveCount(0);
    expect((await client(host).files()).length, "nothing of it is in the ledger").toBe(0);

    await onParts(page, (route, nth) => (nth === 2 ? route.fallback() : never));
    await send(page, host, path, "reload");
    await expect.poll(() => parts.times).toEqual([1, 1]);
    await page.reload();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await expect(row).toContainText("Interrupted.");
    await dashboard.choose(path, "somewhere-else");
    await dashboard.button("Upload").click();
    await expect(dashboard.result).toHaveAttribute("data-status", "stored", over);
    expect(await client(host).count("reload"), "at the site that it was begun for").toBe(ROWS);
    expect(parts.times, "the parts of both uploads").toEqual([1, 1, 1, 1]);
  });

  test("an upload that is over but not yet judged is followed again after a reload", async ({
    dashboard,
    page,
    startHost,
  }) => {
    const host = await startHost();
    await send(page, host, written("followed.csv", bulky(ROWS, BYTES)), "followed");
    const row = dashboard.upload("followed.csv");
    await expect(row).toHaveAttribute("data-stage", /waiting|recording|judging/, over);
    await page.reload();
    await expect(dashboard.result).toHaveAttribute("data-status", "stored", over);
    expect(await client(host).count("followed")).toBe(ROWS);
    await page.reload();
    await expect(dashboard.heading()).toBeVisible();
    await expect(page.getByRole("list", { name: "Uploads" }), "what is over is forgotten").toHaveCount(0);
  });

  test("a cancelled upload leaves nothing behind, and the next file goes on", async ({
    dashboard,
    page,
    startHost,
    watch,
  }) => {
    watch.expect(/ERR_FAILED|ERR_ABORTED/);
    const host = await startHost();
    const { promise: never } = Promise.withResolvers<void>();
    await onParts(page, () => never);
    const gone = page.waitForResponse((response) => response.request().method() === "DELETE");
    await page.goto(`${host.origin}/#/upload`);
    const next = written("next.csv", tidy(9));
    await dashboard.choose([written("cancelled.csv", bulky(ROWS, BYTES)), next], "cancelled");
    await dashboard.button("Upload").click();
    await expect(dashboard.upload("next.csv")).toContainText("Waiting for the files before it");
    await dashboard.upload("cancelled.csv").getByRole("button", { name: "Cancel" }).click();
    expect((await gone).status()).toBe(204);
    await expect(dashboard.result).toContainText("next.csv");
    expect(await client(host).count("cancelled")).toBe(9);
    expect((await client(host).files()).length).toBe(1);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("an upload that is cancelled before the server has answered is given up once it has", async ({
    dashboard,
    page,
    startHost,
  }) => {
    const host = await startHost();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    await page.route(/\/api\/uploads\?/, async (route) => {
      const response = await route.fetch();
      ask();
      await answered;
      await route.fulfill({ response });
    });
    const gone = page.waitForResponse((response) => response.request().method() === "DELETE");
    await page.goto(`${host.origin}/#/upload`);
    await dashboard.choose([written("early.csv", bulky(ROWS, BYTES)), written("next.csv", tidy(9))], "early");
    await dashboard.button("Upload").click();
    await asked;
    await dashboard.upload("early.csv").getByRole("button", { name: "Cancel" }).click();
    await expect(dashboard.result, "nobody waits for the answer").toContainText("next.csv");
    answer();
    expect((await gone).status()).toBe(204);
    expect((await client(host).files()).length).toBe(1);
  });

  test("a large file that cannot be read is refused in the server's words, and is among the files", async ({
    dashboard,
    page,
    startHost,
  }) => {
    const host = await startHost();
    const path = written("poem.csv", bulky(ROWS, 6_000_000).replace("time,species,concentration", "roses,violets,red"));
    await send(page, host, path, "poem");
    await expect(dashboard.result).toHaveAttribute("data-status", "refused", over);
    await expect(dashboard.result.getByRole("alert")).toContainText("violets");
    expect(await client(host).series("poem")).toEqual([]);

    await dashboard.go("Files");
    const file = dashboard.file("poem.csv");
    await expect(file).toHaveAttribute("data-status", "refused");
    await expect(file).toContainText("Refused");
    await expect(file).toContainText("violets");
    await expect(file.getByRole("button")).toHaveCount(0);
    await file.getByRole("link").click();
    await expect(page.getByRole("alert")).toContainText("violets");
    await expectAccessible(page, "the account of a refused file");
  });

  test("parts are sent with the token where they are the server's own, and without it elsewhere", async ({
    dashboard,
    page,
    startHost,
    watch,
  }) => {
    watch.expect(/status of 401|WebSocket connection/);
    const host = await startHost({ token: TOKEN });
    await dashboard.open(host, "Upload");
    await dashboard.dialog.getByLabel("Token", { exact: true }).fill(TOKEN);
    await dashboard.dialog.getByRole("button", { name: "Connect" }).click();
    await expect(dashboard.dialog).toBeHidden();
    const parts = Parts.watch(page);
    await dashboard.choose(written("token.csv", bulky(ROWS, 6_000_000)), "token");
    await dashboard.button("Upload").click();
    await expect(dashboard.result).toHaveAttribute("data-status", "stored", over);
    expect(parts.authorized).toHaveLength(1);
    for (const { url, header } of parts.authorized) {
      const isOwn = new URL(url).pathname.startsWith("/api/");
      expect(header, url).toBe(isOwn ? `Bearer ${TOKEN}` : undefined);
    }
    const local = await page.evaluate(() => JSON.stringify({ ...localStorage }));
    expect(local).not.toContain(TOKEN);
  });
});

for (const scheme of ["light", "dark"] as const) {
  test.describe(`in a ${scheme} scheme, on a narrow phone`, () => {
    test.use({ colorScheme: scheme, viewport: { width: 320, height: 844 } });

    test("files that are on their way are told to everybody", async ({ dashboard, page, startHost, watch }) => {
      watch.expect(/ERR_FAILED|ERR_ABORTED/);
      const host = await startHost();
      const { promise: never } = Promise.withResolvers<void>();
      await onParts(page, () => never);
      await page.goto(`${host.origin}/#/upload`);
      const name = `${"a-very-long-name-without-any-space".repeat(4)}.csv`;
      await dashboard.choose([written(name, bulky(ROWS, 6_000_000)), written("next.csv", tidy(9))], "narrow");
      await dashboard.button("Upload").click();
      await expect(dashboard.upload("next.csv")).toContainText("Waiting for the files before it");
      await expectAccessible(page, `uploads, ${scheme}`);
      const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
      await expect.poll(wide).toBeLessThanOrEqual(320);
      await dashboard.go("Permit");
      await expect(page.getByTestId("uploads")).toHaveText(/2 uploads: Sending \d+ %/);
      await expectAccessible(page, `uploads in another view, ${scheme}`);
      await expect.poll(wide).toBeLessThanOrEqual(320);
      await page.unrouteAll({ behavior: "ignoreErrors" });
    });
  });
}

test("a host without a place for parts says what is too large for it", async ({
  dashboard,
  page,
  startHost,
  watch,
}) => {
  watch.expect(/status of (404|413)/);
  const host = await startHost();
  // The answer of a host on DynamoDB without an inbox.
  const error = { code: "no_inbox", message: "this host has no inbox for uploads" };
  await page.route("**/api/uploads?*", (route) => route.fulfill({ status: 404, json: { error } }));
  await send(page, host, written("long.csv", bulky(ROWS, 12_000_000)), "no-parts");
  await expect(dashboard.result).toHaveAttribute("data-status", "refused");
  const alert = dashboard.result.getByRole("alert");
  await expect(alert).toContainText(
    "This host takes files in one piece: up to 10.0 MB after unpacking, and this one has",
  );
  await dashboard.choose(written("shorter.csv", bulky(ROWS, 6_000_000)), "no-parts");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-taken")).toBe(ROWS);
});

test("what a folder cannot be named goes in one piece, as far as that goes", async ({
  dashboard,
  page,
  startHost,
  watch,
}) => {
  watch.expect(/status of (413|422)/);
  const host = await startHost();
  await send(page, host, written("backslash.csv", bulky(ROWS, 6_000_000)), "north\\outfall 1");
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await client(host).count("north\\outfall 1")).toBe(ROWS);
  await send(page, host, written("backslash-long.csv", bulky(ROWS, 12_000_000)), "north\\outfall 1");
  await expect(dashboard.result).toHaveAttribute("data-status", "refused");
  await expect(dashboard.result.getByRole("alert")).toContainText("of such a name go in one piece");
});

test("who wants one bad row to refuse all of a large file is told how large it may be", async ({
  dashboard,
  page,
  startHost,
  watch,
}) => {
  watch.expect(/status of (413|422)/);
  const host = await startHost();
  await dashboard.open(host, "Upload");
  await page.getByRole("checkbox", { name: "Refuse the whole file if one row is bad" }).check();
  const bad = `${bulky(ROWS, 6_000_000)}yesterday,SO4,1,\n`;
  await dashboard.choose([written("bad.csv", bad), written("strict-long.csv", bulky(ROWS, 12_000_000))], "strict");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "refused");
  await expect(dashboard.result.getByRole("table", { name: "Refused rows" })).toContainText("yesterday");
  await expect(dashboard.upload("strict-long.csv")).toContainText("goes in one piece: up to 10.0 MB");
  expect(await client(host).series("strict")).toEqual([]);
});
