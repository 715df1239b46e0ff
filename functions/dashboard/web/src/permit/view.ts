// The permit editor: limits as a table, a preview of what would be in exceedance, and only then the change.

import { ApiError, get, submit } from "../api";
import { fill, h, name } from "../dom";
import { CONDITION_NAMES, count, counted, momentText, SEVERITIES } from "../format";
import { icon } from "../icons";
import { overview, refresh, site } from "../model";
import { route } from "../route";
import { failed, loading } from "../states";
import type { Permit, PermitPreview } from "../types";
import { exceedances } from "../upload/result";
import { LimitRows } from "./rows";

const path = () => `/api/permits/${encodeURIComponent(site())}`;

export function permitView(main: HTMLElement): () => void {
  let loaded: Permit | null = null;
  const rows = new LimitRows(() => edited(true));
  const about = h("p", { class: "quiet" });
  const message = h("div");
  const said = h("p", { class: "said", role: "status" });
  const preview = h("div");
  const button = (text: string, action: () => void, className = "") =>
    h("button", { type: "button", class: className || undefined, text, on: { click: action } });
  const discard = button("Discard changes", () => loaded && show(loaded));
  const buttons = [button("Preview", () => void run(look)), button("Save permit", () => void run(save), "primary")];
  const editor = h(
    "div",
    { class: "card", hidden: true },
    about,
    rows.table,
    h(
      "div",
      { class: "actions" },
      button("Add limit", () => rows.add()),
      h("span", { class: "grow" }),
      discard,
      ...buttons,
    ),
    said,
    message,
  );
  const whole = h("div");
  fill(main, h("h2", {}, "Permit of ", name(site())), whole, editor, preview);

  function edited(is: boolean): void {
    discard.disabled = !is;
    if (is) fill(said);
  }

  function show(permit: Permit): void {
    loaded = permit;
    rows.set(permit.limits);
    const written = permit.default
      ? "This site has no permit of its own: these are the built-in limits, which hold until one is saved."
      : `Version ${permit.version}, in force since ${momentText(permit.updated_at ?? "")}.`;
    fill(about, `${written} Limits that come with the readings of an effluent chart hold besides.`);
    fill(message);
    fill(preview);
    editor.hidden = false;
    edited(false);
  }

  async function load(): Promise<void> {
    fill(whole, loading("Loading the permit"));
    try {
      show(await get<Permit>(path()));
      fill(whole);
    } catch (error) {
      fill(
        whole,
        failed(error, () => void load()),
      );
    }
  }

  async function run(action: () => Promise<void>): Promise<void> {
    for (const one of buttons) one.disabled = true;
    rows.clearProblems();
    fill(message);
    fill(said);
    try {
      await action();
    } catch (error) {
      const rest = error instanceof ApiError ? rows.problems(error.fields) : [];
      const ofFields = error instanceof ApiError && error.fields.length > 0;
      const text = ofFields ? [`${counted(error.fields.length, "field")} to correct.`, ...rest].join(" ") : null;
      fill(message, text ? h("p", { class: "problem", role: "alert", text }) : failed(error));
    } finally {
      for (const one of buttons) one.disabled = false;
    }
  }

  async function look(): Promise<void> {
    const found = await submit<PermitPreview>("POST", `${path()}/preview`, { limits: rows.get() });
    fill(preview, previewOf(found));
    (preview.firstElementChild as HTMLElement | null)?.focus();
  }

  async function save(): Promise<void> {
    const saved = await submit<Permit & { alerts: { new: number; withdrawn: number } }>("PUT", path(), {
      limits: rows.get(),
    });
    show(saved);
    const { alerts } = saved;
    fill(
      said,
      `Permit saved as version ${saved.version}: ${counted(alerts.new, "new exceedance")}, ${count(alerts.withdrawn)} withdrawn.`,
    );
    await refresh(true);
  }

  void load();
  let shownSite = site();
  const changed = () => {
    if (site() === shownSite || route.get().view !== "permit") return;
    shownSite = site();
    fill(main.querySelector("h2") as HTMLElement, "Permit of ", name(shownSite));
    void load();
  };
  const ends = [route.listen(changed), overview.listen(changed)];
  return () => {
    for (const end of ends) end();
  };
}

function previewOf(found: PermitPreview): HTMLElement {
  const fact = (testid: string, value: number, label: string) =>
    h(
      "div",
      { class: "fact" },
      h("span", { class: "number", data: { testid }, text: count(value) }),
      h("span", { class: "quiet", text: label }),
    );
  const levels = SEVERITIES.filter((level) => found.by_severity[level]).map((level) =>
    h(
      "span",
      { class: "condition", data: { state: level } },
      icon(level),
      `${CONDITION_NAMES[level]} ${count(found.by_severity[level] ?? 0)}`,
    ),
  );
  return h(
    "section",
    { class: "card", "aria-label": "Preview", tabindex: "-1" },
    h("h3", { text: "Under these limits" }),
    h(
      "div",
      { class: "facts" },
      fact("preview-total", found.total, found.total === 1 ? "exceedance in all" : "exceedances in all"),
      fact("preview-new", found.new, "that are none now"),
      fact("preview-withdrawn", found.withdrawn, "that would go"),
    ),
    h("p", { class: "levels" }, ...levels),
    found.total > 0 && exceedances(found.items, found.total),
    h("p", { class: "quiet", text: "Nothing has been changed yet." }),
  );
}
