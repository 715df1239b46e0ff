// Describes the chart in words.

import { brief, count, counted, dayText, isDay, isHours, momentText, seconds } from "../format";
import type { Standing } from "../types";
import { type ChartData, inView, type Span } from "./data";
import { isNear } from "./plot";

export function caption(series: Standing, data: ChartData, span: Span, isQualityShown: boolean): (string | false)[] {
  const { points, marks, exceedances } = inView(data, span);
  const edge = (at: number) => {
    const moment = isHours(series.last) ? Math.round(at / 36) / 100 : new Date(Math.round(at) * 1000).toISOString();
    return isDay(series.last) ? dayText(moment) : momentText(moment);
  };
  const [first, last] = [Math.max(span.from, seconds(series.first)), Math.min(span.to, seconds(series.last))];
  const shown = data.downsampled
    ? `the lowest and highest of ${count(data.total)} readings`
    : counted(points.length, "reading");
  const undrawn = marks.filter(({ value }) => value === null).length;
  return [
    `${edge(first)} to ${edge(last)}: ${shown}, ${exceedancesText(exceedances, series, data)}.`,
    undrawn > 0 && ` ${count(undrawn)} of them in another unit, such as loads, are not drawn.`,
    data.qualityControl > 0 && !isQualityShown && ` ${count(data.qualityControl)} of quality control not shown.`,
    farLimits(series, data),
  ];
}

/** Names the total on record for the series, to explain why the tile counts more exceedances than the chart shows. */
function exceedancesText(inView: number, series: Standing, data: ChartData): string {
  const least = data.hasAllMarks ? "" : "at least ";
  const all = inView < series.exceedances ? ` of ${count(series.exceedances)} on record for this series` : "";
  return `${least}${counted(inView, "exceedance")}${all} marked`;
}

/** Limits so far from the readings that the chart leaves them out. */
function farLimits(series: Standing, data: ChartData): string {
  const values = data.points.map((point) => point.value);
  if (values.length === 0) return "";
  const [min, max] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const far = data.limits.filter(({ value }) => !isNear(value, min, max)).map(({ value }) => brief(value));
  return [...new Set(far)].map((one) => ` The limit of ${one} ${series.unit} lies outside the picture.`).join("");
}
