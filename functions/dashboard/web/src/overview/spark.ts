// A small line of the latest readings, with the limit as a dashed line.

import { h, s } from "../dom";
import { seconds } from "../format";
import type { Standing } from "../types";

const [WIDTH, HEIGHT, PAD] = [240, 40, 3];

export function spark(series: Standing): Element {
  const points = series.spark.map(([time, value]) => [seconds(time), value] as const);
  if (points.length < 2) return h("span", { class: "spark" });
  const against = series.standings.find((one) => !one.is_made);
  const limit =
    against && against.statistic !== "as_reported" ? against.limit_in_unit_of_readings : (against?.limit ?? null);
  const values = points.map(([, value]) => value);
  const [from, to] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 1];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  // The limit is drawn only if it is near; a distant one would flatten the line.
  const near = limit !== null && limit <= high * 4 + 1e-12 && limit >= low / 4;
  if (near) [low, high] = [Math.min(low, limit), Math.max(high, limit)];
  const x = (time: number) => PAD + ((time - from) / (to - from || 1)) * (WIDTH - 2 * PAD);
  const y = (value: number) => HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);
  const path = points.map(([time, value], index) => `${index ? "L" : "M"}${x(time).toFixed(1)} ${y(value).toFixed(1)}`);
  const [lastTime, lastValue] = points.at(-1) ?? [0, 0];
  return s(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      focusable: "false",
    },
    near && s("path", { class: "spark-limit", d: `M0 ${y(limit).toFixed(1)}H${WIDTH}` }),
    s("path", { class: "spark-line", d: path.join("") }),
    s("path", { class: "spark-end", d: `M${x(lastTime).toFixed(1)} ${y(lastValue).toFixed(1)}h0` }),
  );
}
