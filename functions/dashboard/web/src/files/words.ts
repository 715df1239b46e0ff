// Describes a file of the ledger: its state, its rows and its verdicts, in words with a sign.

import { type Child, h, name } from "../dom";
import { CONDITION_NAMES, count, counted, SEVERITIES, sizeText } from "../format";
import { icon, type Sign } from "../icons";
import type { Condition, FileStage, IngestAnswer, IngestRecord, LedgerRecord } from "../types";
import { whole } from "../upload/answer";
import { hasOpenRows } from "../upload/decisions";

export type FileState = Exclude<FileStage, "done"> | "taken" | "open" | "withdrawn";

export function stateOf(record: LedgerRecord): FileState {
  if (record.withdrawn) return "withdrawn";
  if (record.state !== "done") return record.state;
  return hasOpenRows(record) ? "open" : "taken";
}

export interface Look {
  text: string;
  tone: Condition;
  sign: Sign;
}

/** A state as a sign and its words. */
export function signOf({ text, tone, sign }: Look): HTMLElement {
  return h("span", { class: "condition file-state", data: { state: tone } }, icon(sign), text);
}

const LOOKS: Record<FileState, Look> = {
  recording: { text: "Being recorded", tone: "info", sign: "underway" },
  judging: { text: "Being judged", tone: "info", sign: "underway" },
  taken: { text: "Taken in", tone: "ok", sign: "ok" },
  open: { text: "Taken in, with refused rows", tone: "watch", sign: "watch" },
  refused: { text: "Refused", tone: "critical", sign: "critical" },
  unchanged: { text: "Nothing new", tone: "none", sign: "none" },
  failed: { text: "No file came", tone: "critical", sign: "critical" },
  withdrawn: { text: "Withdrawn", tone: "none", sign: "none" },
};

export function stateSign(record: LedgerRecord): HTMLElement {
  return signOf(LOOKS[stateOf(record)]);
}

export function stateText(record: LedgerRecord): string {
  return LOOKS[stateOf(record)].text;
}

/** The filters of the list. */
export const FILTERS = {
  underway: { text: "Under way", has: (state: FileState) => state === "recording" || state === "judging" },
  taken: { text: "Taken in", has: (state: FileState) => state === "taken" || state === "open" },
  open: { text: "With refused rows to deal with", has: (state: FileState) => state === "open" },
  refused: { text: "Refused", has: (state: FileState) => state === "refused" },
  none: { text: "No file from a source", has: (state: FileState) => state === "failed" || state === "unchanged" },
  withdrawn: { text: "Withdrawn", has: (state: FileState) => state === "withdrawn" },
} as const;

export type Filter = keyof typeof FILTERS;

export function filterOf(text: string | null): Filter | null {
  return text !== null && Object.hasOwn(FILTERS, text) ? (text as Filter) : null;
}

/** The name of a file. A file of an inbox is identified by its path, which ends with its name. */
export function nameOf({ source, who }: LedgerRecord): string {
  const last = source.slice(source.lastIndexOf("/") + 1);
  return (who === "inbox" ? last.replace(/^[0-9a-f]{32} /, "") : source) || "A file without a name";
}

/** The sites of a file; for a refused file, the site that was requested. */
export function sitesOf({ sites, site }: LedgerRecord): string[] {
  if (sites.length > 0) return sites;
  return site === null ? [] : [site];
}

/** Who sent it, to which site, and its size. */
export function originOf(record: LedgerRecord): Child[] {
  const sites = sitesOf(record).flatMap((site, index) => [index > 0 ? ", " : " · ", name(site)]);
  const size = record.bytes > 0 ? ` · ${sizeText(record.bytes)}` : "";
  return ["From ", name(record.who || "nobody who was named"), ...sites, size];
}

/** The outcome of its rows. */
export function rowsText(answer: IngestAnswer): string {
  const {
    rows_taken: taken,
    rows_refused: refused,
    rows_without_reading: without,
    rows_repeated: repeated,
  } = whole(answer);
  const more = [
    refused > 0 && `${count(refused)} refused`,
    without > 0 && `${count(without)} without a reading`,
    repeated > 0 && `${count(repeated)} repeated`,
  ].filter((text) => text !== false);
  return [`${counted(taken, "row")} taken`, ...more].join(", ");
}

/** How the readings compare with the permit, or did while they counted. */
export function verdictOf(answer: IngestAnswer, isWithdrawn: boolean): HTMLElement {
  const { alerts, readings_judged: judged, readings_inconclusive, periods_without_water } = whole(answer);
  const open = readings_inconclusive + periods_without_water;
  const worst = SEVERITIES.find((severity) => (alerts.by_severity[severity] ?? 0) > 0);
  const found: Condition = worst ?? (open > 0 ? "open" : judged > 0 ? "ok" : "none");
  const levels = SEVERITIES.flatMap((severity) => {
    const many = alerts.by_severity[severity] ?? 0;
    return many > 0 ? [`${count(many)} ${CONDITION_NAMES[severity].toLowerCase()}`] : [];
  });
  const text =
    alerts.total > 0
      ? `${counted(alerts.total, "exceedance")}: ${levels.join(", ")}`
      : judged > 0
        ? "No exceedance"
        : periods_without_water > 0
          ? "Not compared with its limit"
          : "No limit speaks of it";
  const more = [
    `${counted(judged, "reading")} judged`,
    ...(readings_inconclusive > 0 ? [`${count(readings_inconclusive)} inconclusive`] : []),
    ...(periods_without_water > 0 ? [`${counted(periods_without_water, "period")} not compared`] : []),
  ];
  const tone = isWithdrawn ? "none" : found;
  return h(
    "p",
    { class: "file-verdict", data: { state: tone } },
    icon(tone),
    h("span", {}, isWithdrawn && "While it counted: ", h("strong", { text }), ` · ${more.join(", ")}`),
  );
}

/** The progress of an unfinished file. */
export function progressText(record: LedgerRecord | IngestRecord): string {
  const { progress, series_left: left } = record as IngestRecord;
  if (record.state === "recording" && progress?.of)
    return `${sizeText(progress.read)} of ${sizeText(progress.of)} read`;
  return record.state === "judging" && left > 0 ? `${counted(left, "series", "series")} left to be judged` : "";
}

/** Whether it is a file, rather than an answer of a source that brought none. */
export function isFile({ state }: LedgerRecord): boolean {
  return state !== "failed" && state !== "unchanged";
}

export function isUnderway({ state }: LedgerRecord): boolean {
  return state === "recording" || state === "judging";
}
