// The permit editor: limits as a table, a preview of what would be in exceedance, and only then the change.

import { ApiError, get, submit } from "../api";
import { fill, h, name } from "../dom";
import { CONDITION_NAMES, count, counted, momentText, SEVERITIES } from "../format";
import { icon } from "../icons";
import { overview, refresh, site } from "../model";
import { route } from "../route";
import { failed, loading } from "../states";
import type { Permit, PermitPreview, SavedPermit } from "../types";
import { exceedances } from "../upload/result";
import { compare } from "./compare";
import { conflictPanel, versionText } from "./conflict";
import { LimitRows } from "./rows";

const path = (of: string) => `/api/permits/${encodeURIComponent(of)}`;

export function permitView(main: HTMLElement): () => void {
  /** What saving takes the place of: the version that the form began with, or that somebody chose to replace. */
  let begun: Permit | null = null;
  /** What somebody else put in force since, while it is not decided what becomes of it. */
  let theirs: Permit | null = null;
  /** The version whose verdicts are waited for. */
  let awaited: number | null = null;
  let isEdited = false;
  let isBusy = false;
  const rows = new LimitRows(() => edited(true));
  const about = h("p", { class: "quiet" });
  const message = h("div");
  const said = h("p", { class: "said", role: "status" });
  const conflict = h("div");
  const preview = h("div");
  const button = (text: string, action: () => void, className = "") =>
    h("button", { type: "button", class: className || undefined, text, on: { click: action } });
  const discard = button("Discard changes", () => begun && show(begun));
  const looking = button("Preview", () => void run(look));
  const saving = button("Save permit", () => void run(save), "primary");
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
      looking,
      saving,
    ),
    said,
    message,
  );
  const whole = h("div");
  fill(main, h("h2", {}, "Permit of ", name(site())), whole, editor, conflict, preview);

  function edited(is: boolean): void {
    isEdited = is;
    awaited = null;
    if (is) fill(said);
    enable();
  }

  /** While there is something to decide, nothing else decides it. */
  function enable(): void {
    discard.disabled = !isEdited || theirs !== null;
    looking.disabled = isBusy;
    saving.disabled = isBusy || theirs !== null;
  }

  /** Saving is against this permit from here on. */
  function begin(permit: Permit): void {
    begun = permit;
    theirs = null;
    const written = permit.default
      ? "This site has no permit of its own: these are the built-in limits, which hold until one is saved."
      : `Version ${permit.version}, in force since ${momentText(permit.updated_at ?? "")}.`;
    fill(about, `${written} Limits that come with the readings of an effluent chart hold besides.`);
    fill(conflict);
  }

  function show(permit: Permit): void {
    begin(permit);
    rows.set(permit.limits);
    fill(message);
    fill(preview);
    editor.hidden = false;
    edited(false);
  }

  async function load(): Promise<void> {
    const asked = site();
    fill(whole, loading("Loading the permit"));
    // Of another site, until it is there: it must not be saved as this one's.
    editor.hidden = true;
    begun = null;
    theirs = null;
    fill(conflict);
    fill(preview);
    try {
      const permit = await get<Permit>(path(asked));
      if (asked !== site()) return;
      show(permit);
      fill(whole);
    } catch (error) {
      if (asked !== site()) return;
      fill(
        whole,
        failed(error, () => void load()),
      );
    }
  }

  /** Does one thing at a time. What comes back when another site is shown is of no interest any more. */
  async function run(action: (of: string) => Promise<void>): Promise<void> {
    if (isBusy) return;
    const of = site();
    isBusy = true;
    enable();
    rows.clearProblems();
    fill(message);
    fill(said);
    try {
      await action(of);
    } catch (error) {
      if (of !== site()) return;
      const rest = error instanceof ApiError ? rows.problems(error.fields) : [];
      const ofFields = error instanceof ApiError && error.fields.length > 0;
      const text = ofFields ? [`${counted(error.fields.length, "field")} to correct.`, ...rest].join(" ") : null;
      fill(message, text ? h("p", { class: "problem", role: "alert", text }) : failed(error));
    } finally {
      isBusy = false;
      enable();
    }
  }

  async function look(of: string): Promise<void> {
    const found = await submit<PermitPreview>("POST", `${path(of)}/preview`, { limits: rows.get() });
    if (of !== site()) return;
    fill(preview, previewOf(found));
    (preview.firstElementChild as HTMLElement | null)?.focus();
  }

  async function save(of: string): Promise<void> {
    const over = begun;
    if (!over) return;
    let saved: SavedPermit;
    try {
      const condition = { "If-Match": `"${over.version}"` };
      saved = await submit<SavedPermit>("PUT", path(of), { limits: rows.get() }, condition);
    } catch (error) {
      const found = inForce(error);
      if (!found) throw error;
      if (of === site()) meet(over, found, (error as ApiError).message);
      return;
    }
    if (of !== site()) return;
    show(saved);
    const { alerts, pending, version } = saved;
    fill(
      said,
      pending === undefined
        ? `Permit saved as version ${version}: ${counted(alerts.new, "new exceedance")}, ${count(alerts.withdrawn)} withdrawn.`
        : `Permit saved as version ${version}. It is in force; verdicts on the readings are still being worked out.`,
    );
    await refresh(true);
    if (pending === undefined || begun !== saved || isEdited) return;
    awaited = version;
    settle();
  }

  function meet(over: Permit, found: Permit, text: string): void {
    if (compare(found.limits, rows.get()).length === 0) {
      // Such as when the answer to the first try was lost.
      show(found);
      fill(said, `These limits are in force already, as ${versionText(found)}.`);
      return;
    }
    theirs = found;
    fill(about, `You began with ${versionText(over)}, which is no longer in force.`);
    fill(preview);
    const panel = conflictPanel(
      { message: text, begun: over, theirs: found },
      () => void run(takeOver),
      () => void run(keepMine),
    );
    fill(conflict, panel);
    panel.focus();
  }

  async function takeOver(): Promise<void> {
    const found = theirs;
    if (!found) return;
    show(found);
    fill(said, `The table shows what is in force: ${versionText(found)}.`);
    rows.table.focus();
  }

  /** Only who has seen what their limits do to the readings may put them in place of what they have just seen. */
  async function keepMine(of: string): Promise<void> {
    const over = theirs;
    if (!over) return;
    await look(of);
    if (theirs !== over) return;
    begin(over);
    edited(true);
    const text = `Not saved yet. Saving puts your limits in place of ${versionText(over)}.`;
    fill(message, h("p", { class: "note", role: "status", text }));
  }

  /** Says when the verdicts that were waited for are there. */
  function settle(): void {
    const current = overview.get();
    if (awaited === null || current.state !== "ready" || current.value.pending > 0) return;
    fill(said, `Permit saved as version ${awaited}. All verdicts have been worked out.`);
    awaited = null;
  }

  void load();
  let shownSite = site();
  const changed = () => {
    if (site() === shownSite || route.get().view !== "permit") return;
    shownSite = site();
    fill(main.querySelector("h2") as HTMLElement, "Permit of ", name(shownSite));
    void load();
  };
  const ends = [route.listen(changed), overview.listen(changed), overview.listen(settle)];
  return () => {
    for (const end of ends) end();
  };
}

/** The permit that is in force in place of the one that was edited, if that is what an error says. */
function inForce(error: unknown): Permit | null {
  if (!(error instanceof ApiError) || error.code !== "conflict") return null;
  return (error.details as { permit?: Permit } | null)?.permit ?? null;
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
