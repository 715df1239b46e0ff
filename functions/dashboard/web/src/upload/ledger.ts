// The files so far, the latest first: what became of them, and what was decided about them.

import { get } from "../api";
import { fill, h, hidden, id, name } from "../dom";
import { momentText } from "../format";
import { failed, loading } from "../states";
import type { LedgerRecord } from "../types";
import { UTC } from "../zone";
import { decisions } from "./decisions";

const PAGE = 20;

export interface LedgerView {
  element: HTMLElement;
  reload: () => Promise<void>;
}

/** `changed` is called when something was decided. */
export function ledger(changed: () => void): LedgerView {
  const heading = h("h3", { id: id("ledger"), text: "Files so far" });
  const list = h("ol", { class: "ledger", "aria-labelledby": heading.id });
  const foot = h("div");
  const element = h(
    "section",
    { class: "card", "aria-labelledby": heading.id, data: { testid: "ledger" } },
    heading,
    list,
    foot,
  );
  let turn = 0;

  async function load(cursor: string | null): Promise<void> {
    const mine = cursor === null ? ++turn : turn;
    if (cursor === null && list.childElementCount === 0) fill(foot, loading("Loading the files"));
    try {
      const page = await get<{ ingests: LedgerRecord[]; next: string | null }>("/api/ingests", { limit: PAGE, cursor });
      if (mine !== turn) return;
      const entries = page.ingests.map((record) => entry(record, changed));
      if (cursor === null) fill(list, ...entries);
      else list.append(...entries);
      const more = h("button", { type: "button", text: "Show more files", on: { click: () => void load(page.next) } });
      const none = list.childElementCount === 0 && h("p", { class: "quiet", text: "No file has been taken in yet." });
      fill(foot, page.next !== null ? more : none);
    } catch (error) {
      if (mine !== turn) return;
      fill(
        foot,
        failed(error, () => void load(cursor)),
      );
    }
  }

  return { element, reload: () => load(null) };
}

function entry(record: LedgerRecord, changed: () => void): HTMLElement {
  const item = h("li", { data: { testid: "file", id: record.id } });
  const source = record.source || "a file without a name";
  const draw = (now: LedgerRecord) => {
    const state = now.withdrawn ? "Withdrawn. " : "";
    const account = now.answer?.message ?? "Still being taken in.";
    const sites = now.sites.flatMap((site, index) => [index ? ", " : " · ", name(site)]);
    fill(
      summary,
      h("strong", {}, name(source)),
      h("span", { class: "quiet" }, ` ${momentText(now.received_at, UTC)} UTC`, ...sites),
      h("span", { class: "account" }, hidden(". "), `${state}${account}`),
    );
  };
  const summary = h("p");
  draw(record);
  const decided = {
    id: record.id,
    source,
    rows_refused: record.answer?.rows_refused ?? 0,
    withdrawn: record.withdrawn,
    resolution: record.resolution,
  };
  const done = (now: LedgerRecord) => {
    draw(now);
    changed();
  };
  // What is still under way cannot be decided about.
  fill(item, summary, record.state === "done" && decisions(decided, done));
  return item;
}
