// The readings in view as a table, for those who do not look at charts.

import { h } from "../dom";
import { CONDITION_NAMES, count, exact, momentText, quantity } from "../format";
import { icon } from "../icons";
import type { ChartData, Span } from "./data";

/** More rows than this nobody reads; the file has them. */
const MOST_ROWS = 500;

export function readingsTable(data: ChartData, span: Span): HTMLElement {
  const inView = data.points.filter((_, index) => {
    const at = data.times[index] ?? Number.NaN;
    return at >= span.from && at <= span.to;
  });
  const rows = inView.slice(-MOST_ROWS).reverse();
  const left = data.downsampled
    ? `The lowest and highest readings of ${count(data.total)}, the latest first; the file has all.`
    : inView.length > rows.length
      ? `The latest ${count(rows.length)} of ${count(inView.length)} readings in view; the file has all.`
      : "The readings in view, the latest first.";
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Readings" },
    h(
      "table",
      { "aria-label": "Readings" },
      h("caption", { text: left }),
      h(
        "thead",
        {},
        h("tr", {}, ...["Time (UTC)", "Value", "Limit", "Verdict"].map((text) => h("th", { scope: "col", text }))),
      ),
      h(
        "tbody",
        {},
        ...rows.map((point) =>
          h(
            "tr",
            {},
            h("td", { class: "number", text: momentText(point.time) }),
            h("td", { class: "number", text: quantity(point.value, point.qualifier, point.unit, exact) }),
            h("td", { class: "number", text: point.limit === undefined ? "" : exact(point.limit) }),
            h(
              "td",
              {},
              point.severity &&
                h(
                  "span",
                  { class: "condition", data: { state: point.severity } },
                  icon(point.severity),
                  CONDITION_NAMES[point.severity],
                ),
            ),
          ),
        ),
      ),
    ),
  );
}
