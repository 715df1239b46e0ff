// The verdict on a file: what was accepted, what was refused and why, and the exceedances.

import type { ApiError } from "../api";
import { type Child, h, name } from "../dom";
import { count, counted } from "../format";
import { siteHash } from "../route";
import { failed } from "../states";
import type { FileError, IngestAnswer, RowError } from "../types";
import { whole } from "./answer";
import { exceedances } from "./exceedances";
import { cells, refusedRows, replaced } from "./lists";

function fact(testid: string, value: number, label: string, state?: string): HTMLElement {
  return h(
    "div",
    { class: "fact", data: state ? { state } : {} },
    h("span", { class: "number", data: { testid }, text: count(value) }),
    h("span", { class: "quiet", text: label }),
  );
}

export interface Account {
  answer: IngestAnswer;
  /** The zone of the times shown. */
  zone: string;
  /** The actions on the file. */
  foot: Child;
}

/** The account of a file that was just ingested. */
export function result(source: string, { answer, zone, foot }: Account): HTMLElement {
  const known = answer.status === "known";
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: answer.status } },
    h("h3", {}, known ? "Known already: " : "Taken in: ", name(source)),
    h("p", { text: answer.message }),
    ...account(source, answer, zone),
    foot,
  );
}

/** The outcome of each row, and the verdicts. */
export function account(source: string, given: IngestAnswer, zone: string): Child[] {
  const answer = whole(given);
  const { alerts } = answer;
  return [
    facts(answer),
    h("div", { class: "actions" }, ...answer.sites.map(siteLink)),
    how(answer),
    named("Rows without a reading: ", answer.without_reading),
    named("Flags of the laboratory: ", answer.flags),
    answer.parameters_without_limit.length > 0 &&
      list("note", "Kept, though no limit speaks of some of their readings: ", answer.parameters_without_limit),
    leftOut(answer),
    answer.ignored_columns.length > 0 && list("quiet", "Columns that were not read: ", answer.ignored_columns),
    answer.errors_total > 0 && refusedRows(source, answer.errors, answer.errors_total),
    answer.warnings_total > 0 && cells("Warnings", warningsText(answer), answer.warnings),
    answer.replacements.length > 0 && replaced(answer.replacements, answer.readings_replaced, zone),
    alerts.total > 0 && exceedances(alerts.items, alerts.total, zone),
    h(
      "p",
      { class: "quiet digest" },
      `${counted(answer.readings, "reading")} in ${counted(answer.series, "series", "series")} · SHA-256 `,
      h("code", { text: answer.digest }),
    ),
  ];
}

/** Each row and reading is in one of these numbers. The usual ones are shown even if they are 0. */
function facts(answer: IngestAnswer): HTMLElement {
  const { alerts, readings_inconclusive: open, readings_quality_control: control } = answer;
  const any = (testid: string, value: number, label: string, state?: string) =>
    value > 0 && fact(testid, value, label, state);
  return h(
    "div",
    { class: "facts" },
    fact("rows-taken", answer.rows_taken, answer.rows_taken === 1 ? "row taken" : "rows taken"),
    fact(
      "rows-refused",
      answer.rows_refused,
      answer.rows_refused === 1 ? "row refused" : "rows refused",
      answer.rows_refused > 0 ? "warning" : undefined,
    ),
    fact("rows-without", answer.rows_without_reading, "without a reading"),
    any("rows-repeated", answer.rows_repeated, "repeated, counted once"),
    any("readings-replaced", answer.readings_replaced, "readings replaced", "watch"),
    any("quality-control", control, "quality control, not judged"),
    any("inconclusive", open, "inconclusive", "watch"),
    any("without-water", answer.periods_without_water, "not compared, as the water is not known", "watch"),
    any("warnings", answer.warnings_total, answer.warnings_total === 1 ? "warning" : "warnings", "watch"),
    fact(
      "alerts-found",
      alerts.total,
      alerts.total === 1 ? "exceedance" : "exceedances",
      alerts.total > 0 ? "critical" : "ok",
    ),
  );
}

function siteLink(site: string): HTMLElement {
  return h("a", { class: "button", href: siteHash(site) }, "Show ", name(site));
}

/** How the file was read. */
function how({ encoding, header_line, notes }: IngestAnswer): HTMLElement | null {
  // Files of earlier versions of the program have no such account.
  if (!encoding) return null;
  const header = header_line > 1 ? `, with its header in line ${count(header_line)}` : "";
  return h(
    "div",
    { class: "quiet", data: { testid: "how-read" } },
    h("p", { text: `Read as ${encoding}${header}.` }),
    notes.length > 0 && h("ul", { class: "notes" }, ...notes.map((note) => h("li", {}, h("bdi", { text: note })))),
  );
}

/** A list of counts. */
function named(title: string, counts: Record<string, number>): HTMLElement | false {
  const entries = Object.entries(counts);
  return (
    entries.length > 0 &&
    h(
      "p",
      { class: "quiet" },
      title,
      ...entries.flatMap(([what, times], index) => [index ? ", " : "", name(what), ` (${count(times)})`]),
    )
  );
}

function list(className: string, title: string, names: string[]): HTMLElement {
  return h("p", { class: className }, title, ...names.flatMap((one, index) => [index ? ", " : "", name(one)]), ".");
}

function warningsText({ warnings, warnings_total: total }: IngestAnswer): string {
  const what = counted(total, "value was", "values were");
  const first = warnings.length < total ? `The first ${count(warnings.length)}: ` : "";
  return `${first}${what} taken and judged, and may not be right.`;
}

/** Names that are omitted because the answer would be too long. */
function leftOut({ left_out }: IngestAnswer): HTMLElement | null {
  const lists = ["parameters_without_limit", "ignored_columns", "warnings", "replacements"];
  const more = lists.reduce((sum, list) => sum + (left_out?.[list] ?? 0), 0);
  return more > 0 ? h("p", { class: "quiet", text: `${count(more)} more entries are not listed.` }) : null;
}

/** A file that was refused as a whole: nothing of it was stored. */
export function refused(source: string, error: ApiError): HTMLElement {
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: "refused" } },
    h("h3", {}, "Refused: ", name(source)),
    ...refusal(source, error),
  );
}

/** Why a file was refused. */
export function refusal(source: string, error: FileError & { requestId?: string | null }): Child[] {
  const details = error.details as { errors?: RowError[]; errors_total?: number } | null;
  const errors = details?.errors ?? [];
  return [
    h(
      "div",
      { class: "problem", role: "alert" },
      h("p", {}, h("bdi", { text: error.message })),
      error.requestId ? h("p", { class: "quiet" }, "Request ", h("code", { text: error.requestId })) : null,
    ),
    h("p", { text: "Nothing of the file was kept." }),
    errors.length > 0 && refusedRows(source, errors, details?.errors_total ?? errors.length),
  ];
}

/** A failed upload, which says nothing about the file. */
export function unfinished(source: string, error: unknown, again?: () => void): HTMLElement {
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: "unfinished" } },
    h("h3", {}, "Not finished: ", name(source)),
    failed(error, again),
  );
}
