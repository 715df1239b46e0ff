// Exceedances as a table: in the account of a file and in the preview of a permit.

import { h, name } from "../dom";
import {
  baseText,
  beyondText,
  CONDITION_NAMES,
  count,
  counted,
  limitText,
  periodText,
  quantity,
  SEVERITIES,
  waterText,
} from "../format";
import { icon } from "../icons";
import { statisticText } from "../statistics";
import type { Alert } from "../types";

/** Exceedances in the server's order, the gravest first. Times are in `zone`. */
export function exceedances(items: Alert[], total: number, zone: string): HTMLElement {
  const sorted = [...items].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const head = ["Severity", "Parameter", "Outfall", "Statistic", `Period (${zone})`, "Value", "Limit", "Beyond"];
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
              alert.kind === "benchmark" && h("span", { class: "quiet", text: " benchmark, no violation" }),
            ),
            h("td", {}, name(alert.parameter)),
            h("td", {}, name(alert.outfall)),
            h("td", {
              text: alert.statistic === "as_reported" ? baseText(alert.base) : statisticText(alert.statistic),
            }),
            h("td", { class: "number", text: periodText(alert.period, zone) }),
            h("td", { class: "number", text: quantity(alert.value, alert.qualifier, alert.unit) }),
            h(
              "td",
              { class: "number" },
              limitText(alert.direction, alert.limit, alert.unit),
              alert.water && h("span", { class: "quiet", text: ` ${waterText(alert.water)}` }),
            ),
            h("td", { class: "number", text: beyondText(alert) }),
          ),
        ),
      ),
    ),
  );
}
