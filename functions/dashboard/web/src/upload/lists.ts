// Lists of a file's cells with remarks, and of replaced readings.

import { download, h, name } from "../dom";
import { count, counted, csv, fileName, momentText } from "../format";
import type { Replacement, RowError } from "../types";

const COLUMNS = ["line", "column", "text", "reason"] as const;

export function refusedRows(source: string, errors: RowError[], total: number): HTMLElement {
  const save = () => {
    const rows = [[...COLUMNS], ...errors.map((error) => COLUMNS.map((column) => error[column]))];
    // With a byte order mark, which tells spreadsheets that it is UTF-8.
    download(
      `${fileName(source.replace(/\.(csv|tsv|txt|gz)$/gi, ""))}-refused.csv`,
      new Blob(["\ufeff", csv(rows)], { type: "text/csv" }),
    );
  };
  const listed =
    errors.length < total
      ? `The first ${count(errors.length)} of ${counted(total, "cell")} that could not be read.`
      : `${counted(total, "cell")} could not be read.`;
  return cells(
    "Refused rows",
    listed,
    errors,
    h("button", { type: "button", text: "Download refused rows", on: { click: save } }),
  );
}

/** Cells by line and column, with a reason. */
export function cells(title: string, caption: string, rows: RowError[], action?: HTMLElement): HTMLElement {
  const body = rows.map((row) => [
    h("td", { class: "number", text: row.line }),
    h("td", {}, name(row.column)),
    h("td", {}, h("code", {}, h("bdi", { text: row.text }))),
    h("td", { class: "words" }, h("bdi", { text: row.reason })),
  ]);
  return table(title, caption, ["Line", "Column", "Text", "Reason"], body, action);
}

/** Readings that were replaced by others. */
export function replaced(items: Replacement[], total: number, zone: string): HTMLElement {
  const body = items.map((one) => [
    h("td", {}, name(one.parameter)),
    h("td", {}, name(one.outfall)),
    h("td", { class: "number", text: momentText(one.time, zone) }),
    h("td", { class: "number" }, name(one.old)),
    h("td", { class: "number" }, name(one.new)),
  ]);
  const caption =
    items.length < total
      ? `The first ${count(items.length)} of ${counted(total, "reading")} that were replaced.`
      : `${counted(total, "reading was", "readings were")} replaced. The ledger keeps them.`;
  return table("Replaced readings", caption, ["Parameter", "Outfall", `Time (${zone})`, "Before", "Now"], body);
}

function table(
  title: string,
  caption: string,
  heads: string[],
  rows: HTMLElement[][],
  action?: HTMLElement,
): HTMLElement {
  return h(
    "div",
    {},
    h("div", { class: "card-head" }, h("h4", { text: title }), action),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": `${title}, scrollable` },
      h(
        "table",
        { "aria-label": title },
        h("caption", { text: caption }),
        h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col", text })))),
        h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row))),
      ),
    ),
  );
}
