// Describes the reading under the pointer.

import { type Child, h } from "../dom";
import { brief, CONDITION_NAMES, exact, momentText, quantity } from "../format";
import type { Point } from "../types";

export function tip(point: Point): Child[] {
  const line = (text: string) => h("span", { text });
  return [
    h("strong", { text: quantity(point.value, point.qualifier, point.unit, exact) }),
    line(momentText(point.time)),
    point.limit !== undefined && line(`limit ${brief(point.limit)}`),
    point.qualifier === "<" && line("not detected"),
    point.flags && point.flags.length > 0 && line(`flags ${point.flags.join(", ")}`),
    point.quality_control && line("quality control, not judged"),
    point.severity &&
      h("span", { class: "condition", data: { state: point.severity }, text: CONDITION_NAMES[point.severity] }),
  ];
}
