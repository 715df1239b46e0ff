// The full account of one file: its origin, the outcome of each row, the verdicts, and the decisions.

import { get } from "../api";
import { type Child, fill, h, name } from "../dom";
import { count, momentText } from "../format";
import { happenings, refresh } from "../model";
import { hashOf, route, siteHash } from "../route";
import { failed, loading } from "../states";
import { loadStatistics } from "../statistics";
import type { IngestRecord, LedgerRecord } from "../types";
import { zoneOf } from "../upload/account";
import { decisions } from "../upload/decisions";
import { account, refusal } from "../upload/result";
import { UTC } from "../zone";
import { isFile, isUnderway, nameOf, progressText, sitesOf, stateSign } from "./words";

const LOOK_EVERY = 3000;

export function recordView(main: HTMLElement, file: string, ledgerKnows: (record: LedgerRecord) => void): () => void {
  const title = h("h2", { text: "File" });
  const state = h("p", { class: "file-now", role: "status" });
  const measure = h("p", { class: "quiet number" });
  const whole = h("div", { class: "file-record", data: { testid: "file-record" } });
  let drawn = "";
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function draw(record: IngestRecord): Promise<void> {
    fill(title, name(nameOf(record)));
    measure.textContent = progressText(record);
    const what = JSON.stringify([record.state, record.withdrawn, record.resolution]);
    if (what === drawn) return;
    const parts = await partsOf(record, decided);
    drawn = what;
    fill(state, stateSign(record));
    fill(whole, ...parts);
  }

  /** A decision is already drawn where it was made. */
  function decided(record: LedgerRecord): void {
    drawn = JSON.stringify([record.state, record.withdrawn, record.resolution]);
    fill(state, stateSign(record));
    ledgerKnows(record);
    void refresh(true);
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    if (drawn === "") fill(whole, loading("Loading the account"));
    try {
      const record = await get<IngestRecord>(`/api/ingests/${encodeURIComponent(file)}`);
      if (isOver) return;
      ledgerKnows(record);
      await draw(record);
      if (isUnderway(record)) timer = setTimeout(() => void look(), LOOK_EVERY);
    } catch (error) {
      if (isOver) return;
      // Keep what is shown while the connection is down.
      if (drawn !== "") timer = setTimeout(() => void look(), LOOK_EVERY);
      else
        fill(
          whole,
          failed(error, () => void look()),
        );
    }
  }

  const back = h("a", { href: hashOf({ ...route.get(), file: null }), text: "All files" });
  fill(main, h("p", {}, "← ", back), title, state, measure, whole);
  const unhear = happenings.listen((events) => {
    if (events.some((event) => event.type === "ingest" && event.ingest === file)) void look();
  });
  void look();
  return () => {
    isOver = true;
    clearTimeout(timer);
    unhear();
  };
}

async function partsOf(record: IngestRecord, decided: (record: LedgerRecord) => void): Promise<Child[]> {
  const source = nameOf(record);
  const { answer, error } = record;
  const zone = answer ? await zoneOf(answer) : UTC;
  await loadStatistics().catch(() => undefined);
  return [
    h("section", { class: "card", "aria-label": "Where it came from" }, origin(record)),
    error &&
      isFile(record) &&
      h("section", { class: "card", "aria-label": "Why it was refused" }, ...refusal(source, error)),
    error &&
      !isFile(record) &&
      h("section", { class: "card", "aria-label": "What came of it" }, h("p", {}, h("bdi", { text: error.message }))),
    answer &&
      h(
        "section",
        { class: "card result", "aria-label": "Account" },
        h("h3", { text: "Account" }),
        h("p", { text: answer.message }),
        ...account(source, answer, zone),
      ),
    record.state === "done" &&
      h(
        "section",
        { class: "card", "aria-label": "Decisions" },
        h("h3", { text: "Decisions" }),
        decisions({ ...record, source }, decided),
      ),
  ];
}

function origin(record: IngestRecord): HTMLElement {
  const sites = sitesOf(record).flatMap((site, index) => [index > 0 ? ", " : "", siteLink(site)]);
  const facts: [string, Child[]][] = [
    ["Received", [`${momentText(record.received_at, UTC)} UTC`]],
    ["From", [name(record.who || "nobody who was named")]],
    ["Given as", [name(record.source || "nothing")]],
    ["Sites", sites.length > 0 ? sites : ["none"]],
    ["Size", record.bytes > 0 ? [`${count(record.bytes)} bytes, unpacked`] : ["not known"]],
    ["In the ledger", [h("code", { text: record.id })]],
    ["Read by", [`version ${record.code_version}`]],
  ];
  return h(
    "dl",
    { class: "file-facts" },
    ...facts.flatMap(([term, text]) => [h("dt", { text: term }), h("dd", {}, ...text)]),
  );
}

function siteLink(site: string): HTMLElement {
  return h("a", { href: siteHash(site) }, name(site));
}
