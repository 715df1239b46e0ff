// The outcome of an upload in full, and the actions on it.

import { get } from "../api";
import { h } from "../dom";
import { refresh } from "../model";
import { hashOf, route } from "../route";
import { loadStatistics } from "../statistics";
import type { IngestAnswer, Overview } from "../types";
import { UTC } from "../zone";
import { whole } from "./answer";
import { decisions } from "./decisions";
import type { Job } from "./job";
import { add, again, remove } from "./queue";
import { refused, result, unfinished } from "./result";

/** The account of a finished upload. */
export async function accountOf(job: Job): Promise<HTMLElement> {
  const outcome = job.outcome;
  switch (outcome?.kind) {
    case "account": {
      const [zone] = await Promise.all([zoneOf(outcome.answer), loadStatistics().catch(() => undefined)]);
      return result(job.name, { answer: outcome.answer, zone, foot: foot(job, outcome.answer) });
    }
    case "refused":
      return refused(job.name, outcome.error);
    case "failed":
      return unfinished(job.name, outcome.error, () => again(job));
    default:
      return unfinished(job.name, new Error(INTERRUPTED), job.file ? () => take(job, false) : undefined);
  }
}

const INTERRUPTED =
  "Nothing has happened to the file for a minute: storing it may have been interrupted. Send the file again; nothing is taken in twice.";

/** Uploads the same file once more. */
function take(job: Job, isNew: boolean): void {
  const { file, site, strict } = job;
  remove(job);
  if (file) add([{ file, site, strict, again: isNew }]);
}

function foot(job: Job, answer: IngestAnswer): HTMLElement {
  const inLedger = h("a", {
    class: "button",
    href: hashOf({ ...route.get(), view: "files", file: answer.id }),
    text: "See it among the files",
  });
  if (answer.status === "known") {
    const button = h("button", { type: "button", text: "Take it in again", on: { click: () => take(job, true) } });
    return h("div", { class: "actions" }, job.file && button, inLedger);
  }
  const file = { id: answer.id, source: job.name, answer, withdrawn: null, resolution: null };
  return h(
    "div",
    { class: "foot" },
    decisions(file, () => void refresh(true)),
    h("div", { class: "actions" }, inLedger),
  );
}

/** The zone of the file's site; with several sites, their common one. */
export async function zoneOf(answer: IngestAnswer): Promise<string> {
  const { sites, alerts, replacements } = whole(answer);
  const [only, ...others] = sites;
  if (only === undefined || others.length > 0) return UTC;
  if (alerts.items.length === 0 && replacements.length === 0) return UTC;
  try {
    return (await get<Overview>("/api/overview", { site: only, limit: 1 })).time_zone;
  } catch {
    return UTC;
  }
}
