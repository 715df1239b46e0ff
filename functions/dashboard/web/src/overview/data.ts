// What the chart of a series is made of.

import { get } from "../api";
import { momentAt, seconds } from "../format";
import type { Alert, Point, Readings, Severity, Standing } from "../types";
import { type LimitLine, loadLimits, type Span } from "./limits";

export type { LimitLine, Span } from "./limits";

/** An exceedance, at the start of its period. */
export interface Mark {
  at: number;
  /** In the unit of the readings; null for what has no place among them, such as a load. */
  value: number | null;
  severity: Severity;
}

export interface ChartData {
  points: Point[];
  /** The times of the points, in seconds. */
  times: number[];
  marks: Mark[];
  /** Whether all exceedances of the stretch are among the marks. */
  hasAllMarks: boolean;
  limits: LimitLine[];
  /** What was asked for; all of it is here, thinned if `downsampled`. */
  span: Span;
  total: number;
  /** How many results of quality control there are among what came, shown or not. */
  qualityControl: number;
  downsampled: boolean;
}

/** As many as the API gives at once; more marks than pixels tell nothing. */
const MOST_MARKS = 1000;

export interface Wanted {
  span: Span;
  points: number;
  /** Blanks, spikes and duplicates are shown to who asks for them. */
  qualityControl: boolean;
}

export async function loadChart(series: Standing, wanted: Wanted, signal: AbortSignal): Promise<ChartData> {
  const { span } = wanted;
  const hours = typeof series.last === "number";
  const [from, to] = [momentAt(span.from, hours), momentAt(span.to, hours)];
  const query = { site: series.site, series: series.id, from, to };
  const [readings, alerts, limits] = await Promise.all([
    get<Readings>("/api/readings", { ...query, max_points: wanted.points }, signal),
    get<{ alerts: Alert[]; next: string | null }>("/api/alerts", { ...query, limit: MOST_MARKS }, signal),
    loadLimits(series, span, signal),
  ]);
  const all = readings.readings;
  const points = wanted.qualityControl ? all : all.filter((point) => !point.quality_control);
  return {
    points,
    times: points.map((point) => seconds(point.time)),
    marks: alerts.alerts.map((alert) => mark(series, alert)),
    hasAllMarks: alerts.next === null,
    limits,
    span,
    total: readings.total,
    qualityControl: all.filter((point) => point.quality_control).length,
    downsampled: readings.downsampled,
  };
}

/** Alerts are in the limit's unit, the chart in that of the readings. */
function mark(series: Standing, alert: Alert): Mark {
  const told = series.standings.find(({ unit, limit }) => unit === alert.unit && limit !== 0);
  const inUnit = told?.limit_in_unit_of_readings;
  const scale = alert.unit === series.unit ? 1 : told && inUnit ? inUnit / told.limit : null;
  const value = scale === null ? null : alert.value * scale;
  return { at: seconds(alert.time), value, severity: alert.severity };
}

/** What of the chart lies in a stretch. */
export function inView(data: ChartData, { from, to }: Span): { points: Point[]; marks: Mark[]; exceedances: number } {
  const isIn = (at: number) => at >= from && at <= to;
  const points = data.points.filter((_, index) => isIn(data.times[index] ?? Number.NaN));
  const marks = data.marks.filter(({ at }) => isIn(at));
  const beyond = points.filter((point) => point.severity).length;
  return { points, marks, exceedances: data.hasAllMarks ? marks.length : Math.max(marks.length, beyond) };
}
