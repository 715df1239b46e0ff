// The ledger as a filtered list.

import { fill, h, id } from "../dom";
import { count, counted, sameName } from "../format";
import { refresh, sites } from "../model";
import { go, route } from "../route";
import { failed, loading } from "../states";
import type { LedgerRecord } from "../types";
import { type Entry, entry } from "./entry";
import type { Ledger } from "./ledger";
import { follow } from "./live";
import { sourcesPanel } from "./sources";
import { FILTERS, filterOf, nameOf, stateText } from "./words";

/** If fewer than these match, more pages are searched at once. */
const FEW = 10;

/** `last`: the file whose account was open; the user who returns from it continues there. */
export function listView(main: HTMLElement, ledger: Ledger, last: string | null): () => void {
  const summary = h("p", { class: "quiet", "aria-live": "polite", data: { testid: "files-summary" } });
  const said = h("p", { class: "hidden", role: "status" });
  const heading = h("h2", { id: id("files"), tabindex: "-1", text: "Files" });
  const list = h("ol", { class: "files", "aria-labelledby": heading.id, data: { testid: "files" } });
  const foot = h("div");
  const entries = new Map<string, Entry>();
  const filters = filterChoices();
  const sources = sourcesPanel();
  /** The load of a previous filter is obsolete. */
  let turn = 0;
  let isLoading = false;
  let left = last;

  function entryOf(record: LedgerRecord): HTMLElement {
    const known = entries.get(record.id);
    if (known) {
      known.draw(record);
      return known.element;
    }
    const made = entry(record, (now) => {
      ledger.put(now);
      draw();
      void refresh(true);
    });
    entries.set(record.id, made);
    return made.element;
  }

  function draw(): void {
    const shown = ledger.shown;
    const elements = shown.map(entryOf);
    // Moving an element loses the focus within it; if the focused element is gone, the list gets the focus.
    if (elements.length !== list.children.length || elements.some((one, index) => one !== list.children[index])) {
      const focused = list.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
      fill(list, ...elements);
      if (focused) (list.contains(focused) ? focused : heading).focus({ preventScroll: true });
    }
    const text = summaryText(ledger, shown.length);
    if (summary.textContent !== text) summary.textContent = text;
    if (!isLoading) drawFoot(shown.length);
  }

  function drawFoot(shown: number): void {
    const text = ledger.isFiltered ? "Look further" : "Show more files";
    const more = h("button", { type: "button", text, on: { click: () => void load(true) } });
    const none = ledger.isFiltered ? "No file is like this." : "No file has been taken in yet.";
    fill(foot, ledger.hasMore ? more : shown === 0 && h("p", { class: "quiet", text: none }));
  }

  async function load(isAsked: boolean): Promise<void> {
    const mine = ++turn;
    isLoading = true;
    const before = ledger.shown.length;
    fill(foot, loading("Loading the files"));
    try {
      await ledger.more();
      if (mine !== turn) return;
      isLoading = false;
      draw();
      if (!isAsked) goBack();
      else (list.children[before]?.querySelector("a") ?? foot.querySelector("button"))?.focus();
    } catch (error) {
      if (mine !== turn) return;
      isLoading = false;
      fill(
        foot,
        failed(error, () => void load(isAsked)),
      );
    }
  }

  /** Once, and only if the focus is nowhere else by then. */
  function goBack(): void {
    const isFree = document.activeElement === main || document.activeElement === document.body;
    const link = left === null ? null : entries.get(left)?.element.querySelector("a");
    if (!link) return;
    left = null;
    if (isFree) link.focus();
  }

  function ask(): void {
    if (route.get().view !== "files" || route.get().file !== null) return;
    const { of, state } = route.get();
    ledger.ask({ site: of, state: filterOf(state) });
    if (!ledger.isNew) draw();
    if (ledger.shown.length < FEW && ledger.hasMore) void load(false);
  }

  function tell(known: Set<string>): void {
    const fresh = ledger.shown.filter((record) => !known.has(record.id));
    const [first] = fresh;
    if (first) fill(said, `${counted(fresh.length, "new file")}: ${nameOf(first)}, ${stateText(first)}.`);
  }

  fill(
    main,
    heading,
    filters.element,
    h("section", { class: "card", "aria-labelledby": heading.id }, summary, said, list, foot),
    sources.element,
  );
  const unfollow = follow(ledger, () => {
    const known = new Set(entries.keys());
    draw();
    tell(known);
  });
  const unroute = route.listen(ask);
  ask();
  goBack();
  return () => {
    turn += 1;
    unfollow();
    unroute();
    filters.end();
    sources.end();
  };
}

function summaryText(ledger: Ledger, shown: number): string {
  if (ledger.looked === 0) return "";
  if (!ledger.isFiltered) return ledger.hasMore ? `The latest ${counted(shown, "file")}` : counted(shown, "file");
  const all = ledger.hasMore ? `the latest ${counted(ledger.looked, "file")}` : counted(ledger.looked, "file");
  return `${count(shown)} of ${all}`;
}

/** Which files the filter shows. */
function filterChoices(): { element: HTMLElement; end: () => void } {
  const [siteId, stateId] = [id("of"), id("state")];
  const site = h("select", { id: siteId, on: { change: () => go({ of: site.value || null }, true) } });
  const state = h("select", { id: stateId, on: { change: () => go({ state: state.value || null }, true) } });
  const draw = () => {
    const known = sites.get();
    const names = known.state === "ready" ? known.value.map((one) => one.site) : [];
    const { of, state: asked } = route.get();
    if (of !== null && !names.some((one) => sameName(one, of))) names.push(of);
    const isChosen = (one: string) => of !== null && sameName(one, of);
    fill(
      site,
      h("option", { value: "", text: "All sites" }),
      ...names.map((one) => h("option", { value: one, text: one, selected: isChosen(one) })),
    );
    fill(
      state,
      h("option", { value: "", text: "All states" }),
      ...Object.entries(FILTERS).map(([value, { text }]) =>
        h("option", { value, text, selected: value === filterOf(asked) }),
      ),
    );
  };
  const ends = [sites.watch(draw), route.listen(draw)];
  const element = h(
    "div",
    { class: "file-filters" },
    h("div", { class: "field" }, h("label", { for: siteId, text: "Files of" }), site),
    h("div", { class: "field" }, h("label", { for: stateId, text: "In state" }), state),
  );
  return { element, end: () => ends.forEach((end) => void end()) };
}
