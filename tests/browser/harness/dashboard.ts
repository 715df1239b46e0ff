// The dashboard as a user sees it: elements are found by role and name.
import { expect, type Locator, type Page } from "@playwright/test";
import type { Host } from "./host.ts";

export const VIEWS = ["Overview", "Upload", "Files", "Permit", "Certificate", "Chemistry"] as const;
export type View = (typeof VIEWS)[number];

/** The states of a tile with readings, the worst first. */
export const STATES = ["critical", "warning", "watch", "info", "open", "ok", "none"] as const;

/** The counts in the account of an upload. */
export type Counted =
  | "rows-taken"
  | "rows-refused"
  | "rows-without"
  | "rows-repeated"
  | "readings-replaced"
  | "quality-control"
  | "inconclusive"
  | "warnings"
  | "alerts-found";

export interface Place {
  site?: string;
  outfall?: string;
  series?: string;
  from?: string;
  to?: string;
}

export class Dashboard {
  readonly page: Page;
  readonly connection: Locator;
  readonly verdict: Locator;
  readonly tiles: Locator;
  readonly chart: Locator;
  readonly range: Locator;
  readonly incidents: Locator;
  readonly dialog: Locator;

  constructor(page: Page) {
    this.page = page;
    this.connection = page.getByTestId("connection");
    this.verdict = page.getByTestId("verdict");
    this.tiles = page.getByRole("region", { name: "Parameters" }).getByTestId("tile");
    this.chart = page.getByTestId("chart");
    this.range = page.getByRole("group", { name: "Range" });
    this.incidents = page.getByRole("region", { name: "Incidents" }).getByTestId("incident");
    this.dialog = page.getByRole("dialog", { name: "Access token" });
  }

  /** Opens a view of a host, as a bookmark would. */
  async open(host: Host, view: View = "Overview", place: Place = {}): Promise<void> {
    const query = new URLSearchParams({ ...place });
    const path = view === "Overview" ? "" : view.toLowerCase();
    await this.page.goto(`${host.origin}/#/${path}${query.size > 0 ? `?${query}` : ""}`);
  }

  /** Opens the overview of a site, and waits for chart and connection. */
  async openLive(host: Host, place: Place = {}): Promise<void> {
    await this.open(host, "Overview", place);
    await this.live();
    await this.drawn();
  }

  /** Opens a view through the navigation. */
  async go(view: View): Promise<void> {
    const navigation = this.page.getByRole("navigation", { name: "Views" });
    await navigation.getByRole("link", { name: view }).click();
    await expect(this.heading()).toBeVisible();
  }

  /** The heading of the current view. */
  heading(): Locator {
    return this.page.getByRole("main").getByRole("heading", { level: 2 }).first();
  }

  async live(): Promise<void> {
    await expect(this.connection).toHaveAttribute("data-state", "live", { timeout: 40_000 });
  }

  /** Waits until the chart shows what was last requested. */
  async drawn(): Promise<void> {
    await expect(this.chart).toHaveAttribute("data-ready", "true");
  }

  tile(parameter: string): Locator {
    return this.page.locator(`[data-testid=tile][data-parameter=${JSON.stringify(parameter)}]`);
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** The visible range of the chart, in microseconds. */
  async visible(): Promise<{ from: number; to: number; width: number }> {
    const from = Number(await this.chart.getAttribute("data-from"));
    const to = Number(await this.chart.getAttribute("data-to"));
    return { from, to, width: to - from };
  }

  /** A number that the chart exposes. */
  async says(what: "points" | "total" | "exceedances"): Promise<number> {
    return Number(await this.chart.getAttribute(`data-${what}`));
  }

  /** Chooses a file and enters its site. */
  async choose(file: string | string[] | { name: string; csv: string }, site?: string): Promise<void> {
    const input = this.page.getByLabel("CSV files");
    if (typeof file === "string" || Array.isArray(file)) await input.setInputFiles(file);
    else await input.setInputFiles({ name: file.name, mimeType: "text/csv", buffer: Buffer.from(file.csv) });
    if (site !== undefined) await this.page.getByRole("textbox", { name: "Site of the readings" }).fill(site);
  }

  /** An upload in the list of those in progress. */
  upload(name: string): Locator {
    return this.page.getByRole("list", { name: "Uploads" }).getByRole("listitem", { name });
  }

  /** A file in the list of the ledger. */
  file(source: string): Locator {
    return this.page.getByRole("list", { name: "Files" }).getByRole("listitem").filter({ hasText: source });
  }

  /** Fills in a dialog that asks for a reason. */
  async decide(button: string, reason: string): Promise<void> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.getByRole("button", { name: button, exact: true }).click();
  }

  /** The result of the upload. */
  get result(): Locator {
    return this.page.getByTestId("result");
  }

  /** A number in the result of the upload. */
  async counted(what: Counted): Promise<number> {
    return numberIn((await this.page.getByTestId(what).textContent()) ?? "");
  }
}

/** The first number in a text, with or without thousands separators. */
export function numberIn(text: string): number {
  const found = text.match(/\d[\d,.\u00A0\u202F]*/)?.[0];
  if (!found) throw new Error(`no number in ${JSON.stringify(text)}`);
  return Number(found.replaceAll(/[,\u00A0\u202F]/g, ""));
}

/** A pattern that matches only this text. */
export function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
}
