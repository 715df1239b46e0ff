// The certificate of compliance: in the dashboard, on paper, and as a file.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { verdictsOfEpa } from "../harness/csv.ts";
import type { Dashboard } from "../harness/dashboard.ts";
import { expect, test } from "../harness/fixtures.ts";
import { pages } from "../harness/pdf.ts";

/** The whole period of EPA's chart. */
const ALL = ["2021-01-01", "2025-12-31"] as const;

async function show(dashboard: Dashboard, [from, to]: readonly [string, string]): Promise<string> {
  const { page } = dashboard;
  // The page starts with a default period.
  await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
  await page.getByLabel("From", { exact: true }).fill(from);
  await page.getByLabel("To", { exact: true }).fill(to);
  const answered = page.waitForResponse((response) => {
    const { pathname, searchParams } = new URL(response.url());
    return pathname === "/api/certificate" && (searchParams.get("from") ?? "").startsWith(from);
  });
  await dashboard.button("Show certificate").click();
  await answered;
  await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
  return text(page);
}

/** The text of the certificate, which is in a shadow tree. */
function text(page: Page): Promise<string> {
  return page.getByTestId("certificate").evaluate((region) => {
    const roots = [region, ...region.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot);
    return (
      roots
        // biome-ignore lint/performance/useDomNodeTextContent: lines are wanted as they are seen
        .map((root) => [...(root?.children ?? [])].map((child) => (child as HTMLElement).innerText).join("\n"))
        .join("")
    );
  });
}

const COMPLIANT = /(?<!NON-)COMPLIANT/;

test("EPA's chart is NON-COMPLIANT, with its eight exceedances, percentages and actions", async ({
  dashboard,
  demo,
}) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  const shown = await show(dashboard, ALL);
  expect(shown).toContain("NON-COMPLIANT");
  expect(shown).not.toMatch(COMPLIANT);
  const lines = shown.split("\n").map((line) => line.trim());
  for (const { percent, parameter } of verdictsOfEpa()) {
    expect(shown).toContain(parameter);
    expect(
      lines.some((line) => new RegExp(`(^|\\D)${percent}\\s?%`).test(line)),
      `${percent} %`,
    ).toBe(true);
  }
  expect(shown).toMatch(/[0-9a-f]{64}/);
  expect(shown).toMatch(/signature/i);
});

test("a period with readings and without exceedances is COMPLIANT", async ({ dashboard, demo }) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  const shown = await show(dashboard, ["2023-01-01", "2023-12-31"]);
  expect(shown).toMatch(COMPLIANT);
  expect(shown).not.toContain("NON-COMPLIANT");
});

test("a period without readings is never COMPLIANT", async ({ dashboard, demo }) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  const shown = await show(dashboard, ["1999-01-01", "1999-12-31"]);
  expect(shown).toContain("INSUFFICIENT DATA");
  expect(shown).not.toContain("COMPLIANT");
});

test("dates in the wrong order are refused in words", async ({ dashboard, demo, page, watch }) => {
  watch.expect(/status of 4\d\d/);
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
  await page.getByLabel("From", { exact: true }).fill("2024-01-01");
  await page.getByLabel("To", { exact: true }).fill("2023-01-01");
  await dashboard.button("Show certificate").click();
  await expect(page.getByRole("alert")).toContainText(/from|to|before|after/i);
});

test("it prints to PDF: the certificate whole, nothing of the page around it, no empty sheet", async ({
  dashboard,
  demo,
  page,
}) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await show(dashboard, ALL);
  const pdf = await page.pdf({ preferCSSPageSize: true });
  const sheets = pages(pdf);
  const printed = sheets.map((sheet) => sheet.text).join("");
  expect(sheets.length).toBeGreaterThan(0);
  expect(sheets.length).toBeLessThan(15);
  for (const [index, sheet] of sheets.entries()) expect(sheet.text.length, `sheet ${index + 1}`).toBeGreaterThan(40);
  expect(printed).toContain("NON-COMPLIANT");
  for (const { percent } of verdictsOfEpa()) expect(printed).toContain(`${percent}%`);
  for (const words of ["Skip to content", "Notify me", "Show certificate", "Dark theme"]) {
    expect(printed).not.toContain(words.replaceAll(" ", ""));
  }
});

test("it prints dark on white, also from the dark theme", async ({ dashboard, demo, page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await show(dashboard, ALL);
  await page.emulateMedia({ colorScheme: "dark", media: "print" });
  const status = page.getByTestId("certificate").getByText("NON-COMPLIANT").first();
  // Behind the certificate and all its ancestors, there is white or nothing.
  const backgrounds = await status.evaluate((element) => {
    const found: string[] = [];
    for (let node: Node | null = element; node; node = node.parentNode ?? (node as ShadowRoot).host ?? null) {
      if (node instanceof Element && node.matches("main, section, body, html"))
        found.push(getComputedStyle(node).backgroundColor);
    }
    return found;
  });
  expect(backgrounds.length).toBeGreaterThan(1);
  for (const background of backgrounds) expect(background).toMatch(/rgba\(.*, 0\)|rgb\(255, 255, 255\)/);
});

test("the button prints", async ({ dashboard, demo, page }) => {
  await page.addInitScript(() => {
    Object.assign(window, {
      printed: 0,
      print: () => Object.assign(window, { printed: Reflect.get(window, "printed") + 1 }),
    });
  });
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await show(dashboard, ALL);
  await dashboard.button("Print").click();
  await page.waitForFunction(() => Reflect.get(window, "printed") === 1);
});

test("what is downloaded stands alone: no script, nothing that has to be loaded", async ({ dashboard, demo, page }) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await show(dashboard, ALL);
  const waiting = page.waitForEvent("download");
  await dashboard.button("Download").click();
  const download = await waiting;
  expect(download.suggestedFilename()).toMatch(/\.html$/);
  const html = await readFile(await download.path(), "utf8");
  expect(html).toMatch(/^<!doctype html>/i);
  expect(html).toContain("NON-COMPLIANT");
  // Parsed where no policy blocks what an unknown page may contain.
  await page.goto("about:blank");
  const loading = await page.evaluate((source) => {
    const document = new DOMParser().parseFromString(source, "text/html");
    const elements = document.querySelectorAll("script, link[rel=stylesheet], [src], iframe, object, embed, use[href]");
    return [...elements].map(({ outerHTML }) => outerHTML);
  }, html);
  expect(loading).toEqual([]);
  expect(html).not.toMatch(/@import|url\(\s*['"]?(https?:)?\/\//i);
});

test("it is kept under the period that it is about, whatever the form says by then", async ({
  dashboard,
  demo,
  page,
}) => {
  await dashboard.open(demo, "Certificate", { site: "demo" });
  await show(dashboard, ALL);
  await page.getByLabel("From", { exact: true }).fill("2024-05-06");
  await expect(page.getByRole("status").filter({ hasText: `${ALL[0]} to ${ALL[1]}` })).toBeVisible();
  const waiting = page.waitForEvent("download");
  await dashboard.button("Download").click();
  expect((await waiting).suggestedFilename()).toBe(`certificate-demo-${ALL[0]}-${ALL[1]}.html`);
});

test("opened by its address it is the same page, within the policy that it comes with", async ({ demo, page }) => {
  const query = new URLSearchParams({ site: "demo", from: ALL[0], to: ALL[1] });
  const response = await page.goto(`${demo.origin}/api/certificate?${query}`);
  expect(response?.headers()["content-type"]).toContain("text/html");
  await expect(page.getByText("NON-COMPLIANT").first()).toBeVisible();
  // A page without its style would use the browser's default font.
  const font = await page.getByRole("main").evaluate((main) => getComputedStyle(main).fontFamily);
  expect(font).not.toMatch(/^"?Times/);
});
