// The permit editor as a user sees it.
import { expect, type Locator, type Page } from "@playwright/test";
import type { Limit } from "./client.ts";
import { Dashboard } from "./dashboard.ts";
import { client } from "./fixtures.ts";
import type { Host } from "./host.ts";

export const SULFATE: Limit = {
  parameter: "SO4",
  value: 250,
  unit: "mg/L",
  statistic: "instant",
  action: "Check dosing",
};

export class Editor {
  readonly page: Page;
  readonly panel: Locator;
  readonly changes: Locator;
  readonly said: Locator;

  constructor(page: Page) {
    this.page = page;
    this.panel = page.getByRole("region", { name: "The permit was changed meanwhile" });
    this.changes = this.panel.locator("[data-kind]");
    this.said = page.getByRole("status");
  }

  input(name: string): Locator {
    return this.page.getByRole("table", { name: "Limits" }).getByLabel(name, { exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  async save(): Promise<void> {
    await this.button("Save permit").click();
  }

  async expectSaved(version: number): Promise<void> {
    await expect(this.said.filter({ hasText: `Permit saved as version ${version}:` })).toBeVisible();
  }

  /** The panel is open and has the focus. */
  async expectConflict(version: number, begun: number): Promise<void> {
    await expect(this.panel).toBeFocused();
    const alert = this.panel.getByRole("alert");
    await expect(alert).toContainText(`changed to version ${version} at 20`);
    await expect(alert).toContainText(`while you were editing version ${begun}.`);
    await expect(this.page.getByText(`You began with version ${begun}, which is no longer in force.`)).toBeVisible();
    await expect(this.button("Save permit")).toBeDisabled();
  }
}

/** Opens the editor of a site's permit, and waits for it. */
export async function openEditor(page: Page, host: Host, site: string): Promise<Editor> {
  await new Dashboard(page).open(host, "Permit", { site });
  const editor = new Editor(page);
  await expect(editor.input("Parameter 1")).toBeVisible();
  return editor;
}

/** Sulfate at 200, 240 and 260 mg/L, and a first version of the permit. */
export async function prepareSulfate(host: Host, site: string): Promise<void> {
  const rows = [200, 240, 260].map((value, day) => `2026-03-0${day + 1}T00:00:00Z,SO4,${value}`);
  await client(host).ingest(["time,species,concentration", ...rows, ""].join("\n"), { site });
  await client(host).permit(site, [SULFATE]);
}

/** The text of each change, without purely visual parts. */
export async function words(changes: Locator): Promise<string[]> {
  const texts = await changes.evaluateAll((items) =>
    items.map((item) => {
      const copy = item.cloneNode(true) as Element;
      for (const arrow of copy.querySelectorAll("[aria-hidden]")) arrow.remove();
      for (const part of copy.querySelectorAll("li")) part.prepend(" | ");
      return copy.textContent ?? "";
    }),
  );
  return texts.map((text) => text.replaceAll(/\s+/g, " ").trim());
}
