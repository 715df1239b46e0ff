// A file in the list: its origin, its result, and the decisions a person can make about it.

import { fill, h, name } from "../dom";
import { momentText } from "../format";
import { hashOf, route } from "../route";
import type { LedgerRecord } from "../types";
import { decisions } from "../upload/decisions";
import { UTC } from "../zone";
import { isFile, isUnderway, nameOf, originOf, progressText, rowsText, stateOf, stateSign, verdictOf } from "./words";

export interface Entry {
  element: HTMLElement;
  draw: (record: LedgerRecord) => void;
}

/** `decided` is called with the record after a decision. */
export function entry(record: LedgerRecord, decided: (record: LedgerRecord) => void): Entry {
  const head = h("div", { class: "file-head" });
  const link = h("a", {}, name(nameOf(record)), h("span", { class: "hidden", text: ", its account" }));
  const body = h("div", { class: "file-body" });
  const foot = h("div", { class: "file-foot" });
  const element = h(
    "li",
    { class: "file", data: { testid: "file", id: record.id } },
    head,
    h("h3", { class: "file-name" }, link),
    body,
    foot,
  );
  let drawn = "";
  const draw = (now: LedgerRecord) => {
    element.dataset.status = stateOf(now);
    // The link keeps the filter of the list.
    link.href = hashOf({ ...route.get(), view: "files", file: now.id });
    fill(head, stateSign(now), h("span", { class: "quiet number", text: `${momentText(now.received_at, UTC)} UTC` }));
    fill(body, h("p", { class: "quiet" }, ...originOf(now)), ...account(now));
    // A decision made here is drawn already, and has the focus.
    const what = JSON.stringify([now.state, now.withdrawn, now.resolution]);
    if (what !== drawn) fill(foot, now.state === "done" && decisions({ ...now, source: nameOf(now) }, done));
    drawn = what;
  };
  const done = (now: LedgerRecord) => {
    drawn = JSON.stringify([now.state, now.withdrawn, now.resolution]);
    decided(now);
  };
  draw(record);
  return { element, draw };
}

function account(record: LedgerRecord): (HTMLElement | false)[] {
  const { answer, error } = record;
  if (error) {
    const lead = isFile(record) && h("strong", { text: "Nothing of it was kept: " });
    return [h("p", {}, lead, h("bdi", { text: error.message }))];
  }
  if (isUnderway(record)) {
    const progress = progressText(record);
    return [progress !== "" && h("p", { class: "number", text: progress })];
  }
  return answer ? [h("p", { text: rowsText(answer) }), verdictOf(answer, record.withdrawn !== null)] : [];
}
