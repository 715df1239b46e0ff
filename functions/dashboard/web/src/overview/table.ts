// The readings in view as a table, as an alternative to the chart: each with its limit and verdict.

import { type Child, h } from "../dom";
import { CONDITION_NAMES, count, exact, isHours, limitText, momentText, quantity } from "../format";
import { icon } from "../icons";
import { isSingle, statisticWords } from "../statistics";
import type { Condition, Point, Standing } from "../types";
import { siteZone } from "../zone";
import { type ChartData, inView, type LimitLine, type Span } from "./data";
import { limitsAt } from "./limits";

/** Nobody reads more rows than this; the file has them. */
const MOST_ROWS = 500;

export function readingsTable(series: Standing, data: ChartData, span: Span): HTMLElement {
  const { points } = inView(data, span);
  const rows = points.slice(-MOST_ROWS).reverse();
  const left = data.downsampled
    ? `The lowest and highest readings of ${count(data.total)}, the latest first; the file has all.`
    : points.length > rows.length
      ? `The latest ${count(rows.length)} of ${count(points.length)} readings in view; the file has all.`
      : "The readings in view, the latest first.";
  const time = isHours(series.last) ? "Time (hours)" : `Time (${siteZone.get()})`;
  const times = new Map(data.points.map((point, index) => [point, data.times[index] ?? 0]));
  const heads = [time, "Value", "Flags", "Limit", "Verdict"];
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Readings" },
    h(
      "table",
      { "aria-label": "Readings" },
      h("caption", { text: left }),
      h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col", text })))),
      h("tbody", {}, ...rows.map((point) => row(series, point, limitsAt(data.limits, times.get(point) ?? 0)))),
    ),
  );
}

function row(series: Standing, point: Point, limits: LimitLine[]): HTMLElement {
  const singles = limits.filter(({ statistic }) => isSingle(statistic));
  const texts = singles.map(({ direction, value }) => limitText(direction, value, series.unit));
  const own = point.limit === undefined ? [] : [exact(point.limit)];
  return h(
    "tr",
    {},
    h("td", { class: "number", text: momentText(point.time) }),
    h("td", { class: "number", text: quantity(point.value, point.qualifier, point.unit, exact) }),
    h("td", { text: (point.flags ?? []).join(", ") || "none" }),
    h("td", { class: "number", text: [...new Set([...own, ...texts])].join(", ") || "none" }),
    h("td", {}, ...verdict(series, point, limits)),
  );
}

function condition(state: Condition): HTMLElement {
  return h("span", { class: "condition", data: { state } }, icon(state), CONDITION_NAMES[state]);
}

/** The verdict on a reading, in words. Its severity is the server's. */
function verdict(series: Standing, point: Point, limits: LimitLine[]): Child[] {
  if (point.quality_control) return ["Quality control, not judged"];
  if (point.severity) return [condition(point.severity)];
  const singles = limits.filter(({ statistic }) => isSingle(statistic));
  const averages = limits.filter(({ statistic }) => !isSingle(statistic));
  const isComparable = point.unit === series.unit;
  if (series.base === "" && isComparable && singles.some((limit) => isOpen(point, limit))) return [condition("open")];
  if (point.limit !== undefined) return [condition("ok")];
  const made = series.standings.filter(({ is_made }) => is_made);
  if (made.some(({ statistic }) => isSingle(statistic))) return ["Judged with another series"];
  if (singles.length > 0 && isComparable) return [condition("ok")];
  if (singles.length > 0) return ["Judged in the limit's unit"];
  const isPartOfMade = made.length > 0 || series.unknown_of_water.length > 0;
  if (averages.length === 0) return [isPartOfMade ? "Judged with another series" : "No limit"];
  return [`Part of: ${[...new Set(averages.map((one) => statisticWords(one.statistic)))].join(", ")}`];
}

/** Whether the sign of a result leaves open on which side of a limit it is. */
function isOpen({ qualifier, value }: Point, limit: LimitLine): boolean {
  if (qualifier === "=") return false;
  const isUpTo = qualifier === "<";
  return limit.direction === "max"
    ? isUpTo
      ? value > limit.value
      : value <= limit.value
    : isUpTo
      ? value >= limit.value
      : value < limit.value;
}
