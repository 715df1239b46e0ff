// Shows what limits would change before they are saved.

import { h } from "../dom";
import { CONDITION_NAMES, count, SEVERITIES } from "../format";
import { icon } from "../icons";
import type { PermitPreview } from "../types";
import { exceedances } from "../upload/exceedances";

/** `words`: when the limits would be in force. */
export function previewOf(found: PermitPreview, words: string, zone: string): HTMLElement {
  const fact = (testid: string, value: number, label: string) =>
    h(
      "div",
      { class: "fact" },
      h("span", { class: "number", data: { testid }, text: count(value) }),
      h("span", { class: "quiet", text: label }),
    );
  const levels = SEVERITIES.filter((level) => found.by_severity[level]).map((level) =>
    h(
      "span",
      { class: "condition", data: { state: level } },
      icon(level),
      `${CONDITION_NAMES[level]} ${count(found.by_severity[level] ?? 0)}`,
    ),
  );
  return h(
    "section",
    { class: "card", "aria-label": "Preview", tabindex: "-1" },
    h("h3", { text: `With these limits ${words}` }),
    h(
      "div",
      { class: "facts" },
      fact("preview-total", found.total, found.total === 1 ? "exceedance in all" : "exceedances in all"),
      fact("preview-new", found.new, "that are none now"),
      fact("preview-withdrawn", found.withdrawn, "that would go"),
    ),
    h("p", { class: "levels" }, ...levels),
    found.total > 0 && exceedances(found.items, found.total, zone),
    h("p", { class: "quiet", text: "All versions of the permit are counted. Nothing has been changed yet." }),
  );
}
