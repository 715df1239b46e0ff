// What the chart of a series is made of.

import { get } from "../api";
import { momentAt, seconds } from "../format";
import type { Alert, Direction, Point, Readings, Severity, Standing } from "../types";

/** A stretch of the axis, in seconds. */
export interface Span {
  from: number;
  to: number;
}

/** A limit that is the same all along. */
export interface LimitLine {
  value: number;
  direction: Direction;
  statistic: string;
}

/** An exceedance of a statistic, at the start of its period. */
export interface Mark {
  at: number;
  value: number;
  severity: Severity;
}

export interface ChartData {
  points: Point[];
  /** The times of the points, in seconds. */
  times: number[];
  marks: Mark[];
  /** What was asked for; all of it is here, thinned if `downsampled`. */
  span: Span;
  total: number;
  downsampled: boolean;
}

const ROW_STATISTICS = ["instant", "as_reported"];
/** As many as the API gives at once; more marks than pixels tell nothing. */
const MOST_MARKS = 1000;

export function limitLines(series: Standing): LimitLine[] {
  const lines: LimitLine[] = [];
  for (const against of series.standings) {
    const value = against.limit_in_unit_of_readings;
    const known = lines.some((line) => line.value === value && line.direction === against.direction);
    // Limits that come with readings are drawn where they are, reading by reading.
    if (value !== null && against.statistic !== "as_reported" && !known) {
      lines.push({ value, direction: against.direction, statistic: against.statistic });
    }
  }
  return lines;
}

export async function loadChart(series: Standing, span: Span, points: number, signal: AbortSignal): Promise<ChartData> {
  const hours = typeof series.last === "number";
  const [from, to] = [momentAt(span.from, hours), momentAt(span.to, hours)];
  const query = { site: series.site, series: series.id, from, to };
  const [readings, marks] = await Promise.all([
    get<Readings>("/api/readings", { ...query, max_points: points }, signal),
    loadMarks(series, query, signal),
  ]);
  const times = readings.readings.map((point) => seconds(point.time));
  return { points: readings.readings, times, marks, span, total: readings.total, downsampled: readings.downsampled };
}

/** Exceedances of single readings are marked by the server in the readings; those of statistics are alerts. */
async function loadMarks(series: Standing, query: Record<string, string>, signal: AbortSignal): Promise<Mark[]> {
  const statistics = series.standings.filter((against) => !ROW_STATISTICS.includes(against.statistic));
  if (statistics.length === 0) return [];
  const page = await get<{ alerts: Alert[] }>("/api/alerts", { ...query, limit: MOST_MARKS }, signal);
  return page.alerts.flatMap((alert) => {
    if (ROW_STATISTICS.includes(alert.statistic)) return [];
    const against = statistics.find((one) => one.limit === alert.limit && one.unit === alert.unit);
    const inUnit = against?.limit_in_unit_of_readings;
    // Alerts are in the limit's unit, the chart in that of the readings.
    const scale = inUnit && alert.limit ? inUnit / alert.limit : 1;
    return [{ at: seconds(alert.time), value: alert.value * scale, severity: alert.severity }];
  });
}
