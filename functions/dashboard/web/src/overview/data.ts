// The data of a series' chart.

import { get } from "../api";
import { momentAt, seconds } from "../format";
import type { Alert, Point, Readings, Severity, Standing } from "../types";
import { type LimitLine, loadLimits, type Span } from "./limits";

export type { LimitLine, Span } from "./limits";

/** An exceedance, at the start of its period. */
export interface Mark {
  at: number;
  /** In the unit of the readings; null if it has no place among them, such as a load. */
  value: number | null;
  severity: Severity;
}

export interface ChartData {
  points: Point[];
  /** The times of the points, in seconds. */
  times: number[];
  marks: Mark[];
  /** Whether the marks are all exceedances of the stretch. */
  hasAllMarks: boolean;
  limits: LimitLine[];
  /** The requested stretch; complete, but thinned if `downsampled`. */
  span: Span;
  total: number;
  /** How many quality-control results the answer has, shown or not. */
  qualityControl: number;
  downsampled: boolean;
}

/** As many as the API returns at once; more marks than pixels say nothing. */
const MOST_MARKS = 1000;

export interface Wanted {
  span: Span;
  points: number;
  /** Blanks, spikes and duplicates are shown on request. */
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

/** Alerts are in the limit's unit, the chart is in that of the readings. */
function mark(series: Standing, alert: Alert): Mark {
  const told = series.standings.find(({ unit, limit }) => unit === alert.unit && limit !== 0);
  const inUnit = told?.limit_in_unit_of_readings;
  const scale = alert.unit === series.unit ? 1 : told && inUnit ? inUnit / told.limit : null;
  const value = scale === null ? null : alert.value * scale;
  return { at: seconds(alert.time), value, severity: alert.severity };
}

/** The part of the chart within a stretch. */
export function inView(data: ChartData, { from, to }: Span): { points: Point[]; marks: Mark[]; exceedances: number } {
  const isIn = (at: number) => at >= from && at <= to;
  const points = data.points.filter((_, index) => isIn(data.times[index] ?? Number.NaN));
  const marks = data.marks.filter(({ at }) => isIn(at));
  const beyond = points.filter((point) => point.severity).length;
  return { points, marks, exceedances: data.hasAllMarks ? marks.length : Math.max(marks.length, beyond) };
}
