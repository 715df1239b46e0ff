// Hostile text wherever people or machines can enter some: it is shown as text, or refused with a message.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { records } from "../harness/csv.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const SCRIPT = "<script>window.pwned=1</script>";
const IMAGE = `"><img src=x onerror=window.pwned=1>`;
const QUOTES = `'"\`&lt;&amp;{{7*7}}\${7*7}`;
/** Text after the mark would be read backwards. */
const REVERSED = "SO4\u202Egnp.exe";
const LONG = "x".repeat(10_000);

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

/** None of it has become part of a page, in any tree. */
async function expectHarmless(page: Page): Promise<void> {
  const found = await page.evaluate(() => {
    const trees: (Document | ShadowRoot)[] = [document];
    for (const tree of trees) {
      for (const element of tree.querySelectorAll("*")) if (element.shadowRoot) trees.push(element.shadowRoot);
    }
    const handlers = (element: Element) => element.getAttributeNames().some((name) => name.startsWith("on"));
    const injected = trees.flatMap((tree) => [
      ...tree.querySelectorAll("script:not([src]), img[src='x'], iframe, object, embed, a[href^='javascript:']"),
      ...[...tree.querySelectorAll("*")].filter(handlers),
    ]);
    return { pwned: Reflect.get(window, "pwned"), injected: injected.map(({ outerHTML }) => outerHTML) };
  });
  expect(found).toEqual({ injected: [] });
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(scroll, "it makes the page no wider").toBeLessThanOrEqual(0);
}

/** The text of a page, including all shadow trees. */
function whole(page: Page): Promise<string> {
  return page.evaluate(() => {
    const trees: (Document | ShadowRoot)[] = [document];
    for (const tree of trees) {
      for (const element of tree.querySelectorAll("*")) if (element.shadowRoot) trees.push(element.shadowRoot);
    }
    return trees.map((tree) => (tree instanceof Document ? tree.body.textContent : tree.textContent)).join("\n");
  });
}

for (const [what, text] of [
  ["a script", SCRIPT],
  ["a broken image", IMAGE],
  ["quotes and templates", QUOTES],
  ["text that runs backwards", REVERSED],
  ["a name of 256 bytes without a space", "W".repeat(256)],
] as const) {
  test(`${what} as site, outfall, species, unit and action is text in every view`, async ({
    dashboard,
    demo,
    page,
  }) => {
    // A limit needs a known unit; a reading may have any, and is then compared with nothing.
    const unit = text.slice(0, 60);
    // API Gateway decodes an encoded slash in a path: such a site could not have a permit there.
    const site = text.replaceAll("/", "");
    const header = "time,species,concentration,unit,outfall";
    const row = (day: number, value: number) =>
      `2026-03-0${day}T00:00:00Z,${quoted(text)},${value},mg/L,${quoted(text)}`;
    const other = `2026-03-01T00:00:00Z,${quoted(text)},3,${quoted(unit)},002`;
    await client(demo).permit(site, [{ parameter: text, value: 10, unit: "mg/L", statistic: "instant", action: text }]);
    await client(demo).ingest([header, row(1, 5), row(2, 7), row(3, 25), other].join("\n"), {
      site,
      source: text.slice(0, 200),
    });

    await dashboard.openLive(demo, { site });
    await expect(dashboard.tiles).toHaveCount(2);
    await expect(dashboard.tiles.last().locator(".unit")).toHaveText(unit);
    await expect(dashboard.tiles.first()).toHaveAttribute("data-parameter", text);
    await expect(dashboard.tiles.first()).toContainText(text);
    await expect(dashboard.incidents).toHaveCount(1);
    await expect(dashboard.incidents.first().getByTestId("action")).toContainText(text);
    await expect(page.getByRole("combobox", { name: "Site" })).toHaveValue(site);
    await dashboard.button("Show as table").click();
    await expectHarmless(page);

    await client(demo).publish({
      time: "2026-03-04T00:00:00Z",
      species: text,
      concentration: 30,
      unit: "mg/L",
      outfall: text,
      site,
    });
    await expect(dashboard.incidents).toHaveCount(2);
    await expectHarmless(page);

    await dashboard.go("Permit");
    await expect(page.getByLabel("Parameter 1", { exact: true })).toHaveValue(text);
    await dashboard.button("Preview").click();
    await expect(page.getByRole("region", { name: "Preview" })).toContainText(text);
    await expectHarmless(page);

    await dashboard.go("Certificate");
    await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
    expect((await whole(page)).split(text).length, "species, outfall, unit and action").toBeGreaterThan(4);
    await expectHarmless(page);

    await dashboard.go("Upload");
    await expectHarmless(page);

    await dashboard.go("Files");
    const file = page.getByTestId("files").getByTestId("file").first();
    await expect(file).toContainText(text.slice(0, 200));
    await expectHarmless(page);
    await file.getByRole("button", { name: "Withdraw this file" }).click();
    await expect(page.getByRole("dialog")).toContainText(text.slice(0, 200));
    await page.keyboard.press("Escape");
    await file.getByRole("link").click();
    await expect(page.getByTestId("file-record")).toContainText(text.slice(0, 200));
    await expectHarmless(page);
  });
}

test("hostile text is text in a certificate that is opened by its address", async ({ demo, page }) => {
  const site = `plant ${IMAGE}`;
  await client(demo).permit(site, [{ parameter: SCRIPT, value: 10, statistic: "instant", action: QUOTES }]);
  const csv = `time,species,concentration,outfall\n2026-03-01T00:00:00Z,${quoted(SCRIPT)},25,${quoted(REVERSED)}\n`;
  await client(demo).ingest(csv, { site, source: IMAGE });
  const query = new URLSearchParams({ site, from: "2026-01-01", to: "2026-12-31" });
  await page.goto(`${demo.origin}/api/certificate?${query}`);
  const shown = await whole(page);
  for (const text of [site, SCRIPT, QUOTES, REVERSED]) expect(shown).toContain(text);
  await expectHarmless(page);
});

test("hostile cells, columns and file names are text in the account of an upload, and in what is kept of it", async ({
  dashboard,
  demo,
  page,
}) => {
  await dashboard.open(demo, "Upload");
  const cells = [SCRIPT, IMAGE, QUOTES, REVERSED, "=cmd|' /C calc'!A0"];
  const rows = cells.map((cell) => `2026-03-01T00:00:00Z,SO4,${quoted(cell)},1`);
  const csv = ["time,species,concentration,<b onclick=pwned=1>", "2026-03-01T00:00:00Z,SO4,7,1", ...rows].join("\n");
  await dashboard.choose({ name: "<img src=x onerror=window.pwned=1>.csv", csv }, "hostile-cells");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await expect(dashboard.result).toContainText("<img src=x onerror=window.pwned=1>.csv");
  const table = page.getByRole("table", { name: "Refused rows" });
  for (const cell of cells) await expect(table).toContainText(cell);
  await expectHarmless(page);
  const waiting = page.waitForEvent("download");
  await dashboard.button("Download refused rows").click();
  const kept = records(await readFile(await (await waiting).path(), "utf8"));
  expect(kept).toHaveLength(cells.length);
  // A spreadsheet would take the last for a formula: the export may prefix it with something harmless.
  for (const [index, cell] of cells.entries()) expect(kept[index]?.text).toContain(cell);
});

test("cells of 10,000 bytes are refused, and shown as far as they make sense", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  const csv = `time,species,concentration\n2026-03-01T00:00:00Z,SO4,${LONG}\n2026-03-01T00:00:00Z,${LONG},1\n`;
  await dashboard.choose({ name: "long.csv", csv: `${csv}2026-03-01T00:00:00Z,SO4,1\n` }, "hostile-long");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  expect(await dashboard.counted("rows-refused")).toBe(2);
  await expect(page.getByRole("table", { name: "Refused rows" })).toContainText("256 bytes");
  const shown = (await dashboard.result.textContent()) ?? "";
  expect(shown.length).toBeLessThan(3000);
  await expectHarmless(page);
});

test("a header of 10,000 bytes is refused without filling the screen with it", async ({
  dashboard,
  demo,
  page,
  watch,
}) => {
  watch.expect(/status of 422/);
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "header.csv", csv: `${SCRIPT},${LONG}\n1,2\n` }, "hostile-header");
  await dashboard.button("Upload").click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText(SCRIPT);
  const { height = 0 } = (await alert.boundingBox()) ?? {};
  expect(height).toBeLessThan(600);
  await expectHarmless(page);
});

test("a file whose name is as long as a name can be is taken", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Upload");
  const name = `${"ü".repeat(120)}.csv`;
  await dashboard.choose({ name, csv: "time,species,concentration\n1,SO4,1\n" }, "hostile-name");
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await expectHarmless(page);
});

test("a site name of 512 bytes is refused in words", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 4\d\d/);
  await dashboard.open(demo, "Upload");
  await dashboard.choose({ name: "site.csv", csv: "time,species,concentration\n1,SO4,1\n" }, "ü".repeat(256));
  await dashboard.button("Upload").click();
  await expect(page.getByRole("alert")).toContainText(/256 bytes/);
  await expectHarmless(page);
});

test("an address full of hostile text opens the page as it is", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Overview", {
    site: SCRIPT + IMAGE,
    outfall: IMAGE,
    series: SCRIPT,
    from: IMAGE,
    to: QUOTES,
  });
  await expect(page.getByRole("main")).toBeVisible();
  await expect(page.getByTestId("empty")).toBeVisible();
  await expectHarmless(page);
});
