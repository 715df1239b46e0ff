// The permit editor: its versions, limits as a table, a preview of the exceedances, and only then the change.

import { ApiError, address, get, submit } from "../api";
import { fill, h, name } from "../dom";
import { count, counted, momentText } from "../format";
import { overview, refresh, site } from "../model";
import { route } from "../route";
import { failed, loading } from "../states";
import { loadStatistics } from "../statistics";
import type { Permit, PermitPreview, SavedPermit, Version } from "../types";
import { siteCalendar } from "./calendar";
import { compare } from "./compare";
import { conflictPanel, versionText } from "./conflict";
import { placeChoice, type Target } from "./place";
import { previewOf } from "./preview";
import { LimitRows } from "./rows";
import { BEGINNING, inForce, shownVersion, timeLine, timeText } from "./versions";

const path = (of: string) => `/api/permits/${encodeURIComponent(of)}`;

export function permitView(main: HTMLElement): () => void {
  /** The version that saving replaces: the one that the form started from, or one that the user chose to replace. */
  let begun: Permit | null = null;
  /** What somebody else put in force since, until the user has decided about it. */
  let theirs: Permit | null = null;
  /** The version whose verdicts are pending. */
  let awaited: number | null = null;
  let isEdited = false;
  let isBusy = false;
  const rows = new LimitRows(() => edited(true));
  const calendar = siteCalendar(() => edited(true));
  const place = placeChoice(() => {
    // A preview of the other choice would be mistaken for this one's.
    fill(preview);
    if (isEdited) edited(true);
  });
  const line = timeLine((version) => {
    if (!isEdited && theirs === null) void load(version);
  });
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
    line.element,
    about,
    calendar.element,
    rows.table,
    h(
      "div",
      { class: "actions" },
      button("Add limit", () => rows.add()),
    ),
    place.element,
    h("div", { class: "actions" }, h("span", { class: "grow" }), discard, looking, saving),
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

  /** While there is a conflict to resolve, the other controls are disabled. */
  function enable(): void {
    discard.disabled = !isEdited || theirs !== null;
    looking.disabled = isBusy;
    saving.disabled = isBusy || theirs !== null;
    if (begun) line.draw(begun, isEdited || theirs !== null);
  }

  /** From here on, saving replaces this permit. */
  function begin(permit: Permit): void {
    begun = permit;
    theirs = null;
    fill(about, `${aboutText(permit)} Limits that come with the readings of an effluent chart hold besides.`);
    fill(conflict);
  }

  function show(permit: Permit): void {
    begin(permit);
    rows.set(permit.limits);
    calendar.set(permit);
    place.set(permit);
    fill(message);
    fill(preview);
    editor.hidden = false;
    edited(false);
  }

  /** Loads the permit in force, or a version of it. */
  async function load(version?: Version): Promise<void> {
    const asked = site();
    fill(whole, loading("Loading the permit"));
    // Until it has loaded, the form shows another site's permit, which must not be saved as this site's.
    editor.hidden = version === undefined;
    begun = null;
    theirs = null;
    fill(conflict);
    fill(preview);
    try {
      const at = version && (version.effective_from ?? BEGINNING);
      const [permit] = await Promise.all([get<Permit>(path(asked), { at }), loadStatistics()]);
      if (asked !== site()) return;
      show(permit);
      fill(whole);
      if (version) editor.querySelector<HTMLElement>(`[data-version="${version.version}"]`)?.focus();
    } catch (error) {
      if (asked !== site()) return;
      editor.hidden = true;
      fill(
        whole,
        failed(error, () => void load(version)),
      );
    }
  }

  /** Runs one operation at a time. Results that arrive after the site was switched are discarded. */
  async function run(action: (of: string) => Promise<unknown>): Promise<void> {
    if (isBusy) return;
    const of = site();
    isBusy = true;
    enable();
    rows.clearProblems();
    calendar.clearProblems();
    fill(message);
    fill(said);
    try {
      await action(of);
    } catch (error) {
      if (of !== site()) return;
      const rest = error instanceof ApiError ? rows.problems(calendar.problems(error.fields)) : [];
      const ofFields = error instanceof ApiError && error.fields.length > 0;
      const text = ofFields ? [`${counted(error.fields.length, "field")} to correct.`, ...rest].join(" ") : null;
      fill(message, text ? h("p", { class: "problem", role: "alert", text }) : failed(error));
    } finally {
      isBusy = false;
      enable();
    }
  }

  /** Where the limits are to be saved, unless the user still has to choose. */
  function target(): Exclude<Target, { problem: string }> | null {
    const found = place.target();
    if (!("problem" in found)) return found;
    fill(message, h("p", { class: "problem", role: "alert", text: found.problem }));
    place.focus();
    return null;
  }

  const written = () => ({ ...calendar.get(), limits: rows.get() });

  async function look(of: string): Promise<boolean> {
    const to = target();
    if (!to) return false;
    const found = await submit<PermitPreview>("POST", address(`${path(of)}/preview`, to.query), written());
    if (of !== site()) return false;
    fill(preview, previewOf(found, to.words, calendar.get().time_zone));
    (preview.firstElementChild as HTMLElement | null)?.focus();
    return true;
  }

  async function save(of: string): Promise<void> {
    const over = begun;
    const to = target();
    if (!over || !to) return;
    let saved: SavedPermit;
    try {
      const condition = { "If-Match": `"${over.version}"` };
      saved = await submit<SavedPermit>("PUT", address(path(of), to.query), written(), condition);
    } catch (error) {
      const now = current(error);
      if (!now) throw error;
      const found = await sameVersion(of, over, now);
      if (of === site()) meet(over, found, (error as ApiError).message);
      return;
    }
    if (of !== site()) return;
    show(saved);
    const { alerts, pending, version } = saved;
    const since = to.query.effective_from ? ` ${to.words}` : "";
    fill(
      said,
      pending === undefined
        ? `Permit saved as version ${version}${since}: ${counted(alerts.new, "new exceedance")}, ${count(alerts.withdrawn)} withdrawn.`
        : `Permit saved as version ${version}${since}. It is ${since ? "stored" : "in force"}; verdicts on the readings are still being worked out.`,
    );
    await refresh(true);
    if (pending === undefined || begun !== saved || isEdited) return;
    awaited = version;
    settle();
  }

  function isRenewal(): boolean {
    const found = place.target();
    return "query" in found && found.query.effective_from !== undefined;
  }

  function meet(over: Permit, found: Permit, text: string): void {
    const isSame = compare(found.limits, rows.get()).length === 0 && isCalendarOf(found, calendar.get());
    // A renewal is not a repetition, whatever its limits.
    if (isSame && !isRenewal()) {
      // For example, when the answer to the first try was lost.
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

  /** Before their limits replace a permit they have only just seen, the user must see the preview again. */
  async function keepMine(of: string): Promise<void> {
    const over = theirs;
    if (!over) return;
    if (!(await look(of)) || theirs !== over) return;
    begin(over);
    place.rebase(over);
    edited(true);
    const text = `Not saved yet. Saving puts your limits in place of ${versionText(over)}.`;
    fill(message, h("p", { class: "note", role: "status", text }));
  }

  /** Announces when the pending verdicts are there. */
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

/** Names the version, and since when it is in force. */
function aboutText(permit: Permit): string {
  const shown = shownVersion(permit);
  if (permit.default || !shown)
    return "This site has no permit of its own: these are the built-in limits, which hold until one is saved.";
  const written = `written ${momentText(shown.updated_at, permit.time_zone)}`;
  const time = shown === inForce(permit) ? "in force" : "not in force today";
  return `Version ${shown.version}, ${timeText(permit, shown)}, ${written}, ${time}.`;
}

function isCalendarOf(permit: Permit, calendar: { time_zone: string; week_starts: string }): boolean {
  return permit.time_zone === calendar.time_zone && permit.week_starts === calendar.week_starts;
}

/** The permit that is in force instead of the one that was edited, if the error says so. */
function current(error: unknown): Permit | null {
  if (!(error instanceof ApiError) || error.code !== "conflict") return null;
  return (error.details as { permit?: Permit } | null)?.permit ?? null;
}

/** The outcome of the version that was edited; the version in force is the one that the server shows by default. */
async function sameVersion(of: string, over: Permit, now: Permit): Promise<Permit> {
  if (over.default || over.effective_from === now.effective_from) return now;
  return get<Permit>(path(of), { at: over.effective_from ?? BEGINNING });
}
