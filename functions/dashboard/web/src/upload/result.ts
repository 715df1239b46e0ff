// The verdict on a file: what was taken, what was refused and why, and what exceeds.

import type { ApiError } from "../api";
import { download, h, name } from "../dom";
import {
  CONDITION_NAMES,
  count,
  counted,
  csv,
  fileName,
  percentText,
  periodText,
  quantity,
  SEVERITIES,
} from "../format";
import { icon } from "../icons";
import { hashOf, route } from "../route";
import type { Alert, IngestAnswer, RowError } from "../types";

function fact(testid: string, value: number, label: string, state?: string): HTMLElement {
  return h(
    "div",
    { class: "fact", data: state ? { state } : {} },
    h("span", { class: "number", data: { testid }, text: count(value) }),
    h("span", { class: "quiet", text: label }),
  );
}

export function result(file: File, answer: IngestAnswer): HTMLElement {
  const { alerts } = answer;
  const known = answer.status === "known";
  const sites = answer.sites.map((one) =>
    h(
      "a",
      {
        class: "button",
        href: hashOf({
          ...route.get(),
          view: "overview",
          site: one,
          outfall: null,
          series: null,
          from: null,
          to: null,
        }),
      },
      "Show ",
      name(one),
    ),
  );
  const skipped = Object.entries(answer.without_reading);
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: answer.status } },
    h("h3", {}, known ? "Known already: " : "Taken in: ", name(file.name)),
    h("p", { text: answer.message }),
    h(
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
      fact(
        "alerts-found",
        alerts.total,
        alerts.total === 1 ? "exceedance" : "exceedances",
        alerts.total > 0 ? "critical" : "ok",
      ),
    ),
    h("div", { class: "actions" }, ...sites),
    skipped.length > 0 &&
      h(
        "p",
        { class: "quiet" },
        "Rows without a reading: ",
        ...skipped.flatMap(([why, rows], index) => [index ? ", " : "", name(why), ` (${count(rows)})`]),
      ),
    answer.parameters_without_limit.length > 0 &&
      h(
        "p",
        { class: "note" },
        "Kept, though no limit speaks of some of their readings: ",
        ...answer.parameters_without_limit.flatMap((one, index) => [index ? ", " : "", name(one)]),
        ".",
      ),
    leftOut(answer),
    answer.ignored_columns.length > 0 &&
      h(
        "p",
        { class: "quiet" },
        "Columns that were not read: ",
        ...answer.ignored_columns.flatMap((one, index) => [index ? ", " : "", name(one)]),
        ".",
      ),
    answer.errors_total > 0 && refusedRows(file.name, answer.errors, answer.errors_total),
    alerts.total > 0 && exceedances(alerts.items, alerts.total),
    h(
      "p",
      { class: "quiet digest" },
      `${counted(answer.readings, "reading")} in ${counted(answer.series, "series", "series")} · SHA-256 `,
      h("code", { text: answer.digest }),
    ),
  );
}

/** Names that are not listed because the answer would be too long. */
function leftOut({ left_out }: IngestAnswer): HTMLElement | null {
  const lists = ["parameters_without_limit", "ignored_columns"];
  const more = lists.reduce((sum, list) => sum + (left_out?.[list] ?? 0), 0);
  return more > 0 ? h("p", { class: "quiet", text: `${count(more)} more names are not listed.` }) : null;
}

/** A file that was refused as a whole: nothing of it was kept. */
export function refused(file: File, error: ApiError): HTMLElement {
  const details = error.details as { errors?: RowError[]; errors_total?: number } | null;
  const errors = details?.errors ?? [];
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: "refused" } },
    h("h3", {}, "Refused: ", name(file.name)),
    h(
      "div",
      { class: "problem", role: "alert" },
      h("p", {}, h("bdi", { text: error.message })),
      error.requestId ? h("p", { class: "quiet" }, "Request ", h("code", { text: error.requestId })) : null,
    ),
    error.status !== 0 && h("p", { text: "Nothing of the file was kept." }),
    errors.length > 0 && refusedRows(file.name, errors, details?.errors_total ?? errors.length),
  );
}

/** A file that was being stored when nothing happened to it any more. */
export function interrupted(file: File): HTMLElement {
  const text =
    "Nothing has happened to the file for a minute: storing it may have been interrupted. Send the file again; nothing is taken in twice.";
  return h(
    "section",
    { class: "card result", "aria-label": "Result", data: { testid: "result", status: "interrupted" } },
    h("h3", {}, "Not finished: ", name(file.name)),
    h("div", { class: "problem", role: "alert" }, h("p", { text })),
  );
}

const COLUMNS = ["line", "column", "text", "reason"] as const;

function refusedRows(source: string, errors: RowError[], total: number): HTMLElement {
  const save = () => {
    const rows = [[...COLUMNS], ...errors.map((error) => COLUMNS.map((column) => error[column]))];
    // With the mark that tells spreadsheets that it is UTF-8.
    download(
      `${fileName(source.replace(/\.(csv|tsv|txt|gz)$/gi, ""))}-refused.csv`,
      new Blob(["\ufeff", csv(rows)], { type: "text/csv" }),
    );
  };
  const listed =
    errors.length < total
      ? `The first ${count(errors.length)} of ${counted(total, "cell")} that could not be read.`
      : `${counted(total, "cell")} could not be read.`;
  return h(
    "div",
    {},
    h(
      "div",
      { class: "card-head" },
      h("h4", { text: "Refused rows" }),
      h("button", { type: "button", text: "Download refused rows", on: { click: save } }),
    ),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Refused rows, scrollable" },
      h(
        "table",
        { "aria-label": "Refused rows" },
        h("caption", { text: listed }),
        h(
          "thead",
          {},
          h("tr", {}, ...["Line", "Column", "Text", "Reason"].map((text) => h("th", { scope: "col", text }))),
        ),
        h(
          "tbody",
          {},
          ...errors.map((error) =>
            h(
              "tr",
              {},
              h("td", { class: "number", text: error.line }),
              h("td", {}, name(error.column)),
              h("td", {}, h("code", {}, h("bdi", { text: error.text }))),
              h("td", { text: error.reason }),
            ),
          ),
        ),
      ),
    ),
  );
}

/** What exceeds, the gravest first. */
export function exceedances(items: Alert[], total: number): HTMLElement {
  const sorted = [...items].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || b.percent - a.percent,
  );
  const head = ["Severity", "Parameter", "Outfall", "Period", "Value", "Limit", "Beyond"];
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Exceedances, scrollable" },
    h(
      "table",
      { "aria-label": "Exceedances" },
      h("caption", {
        text:
          items.length < total
            ? `The gravest ${count(items.length)} of ${counted(total, "exceedance")}`
            : counted(total, "exceedance"),
      }),
      h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))),
      h(
        "tbody",
        {},
        ...sorted.map((alert) =>
          h(
            "tr",
            {},
            h(
              "td",
              {},
              h(
                "span",
                { class: "condition", data: { state: alert.severity } },
                icon(alert.severity),
                CONDITION_NAMES[alert.severity],
              ),
            ),
            h("td", {}, name(alert.parameter)),
            h("td", {}, name(alert.outfall)),
            h("td", { class: "number", text: periodText(alert.period) }),
            h("td", { class: "number", text: quantity(alert.value, alert.qualifier, alert.unit) }),
            h("td", { class: "number", text: `${alert.direction} ${alert.limit}` }),
            h("td", { class: "number", text: percentText(alert.percent) }),
          ),
        ),
      ),
    ),
  );
}
