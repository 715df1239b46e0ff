// How a series stands against its limits: state and headroom are always those of the same limit and the same value.

import { CONDITIONS, seconds } from "./format";
import type { Against, Alert, Condition, Qualifier, Standing } from "./types";

export function rank(state: Condition): number {
  return CONDITIONS.indexOf(state);
}

/** A value whose sign leaves it open if it is within its limit is not within it. */
export function open(series: Standing): void {
  for (const against of series.standings) {
    if (against.state === "ok" && against.is_inconclusive) against.state = "open";
  }
  arrange(series);
}

/** The worst limit first; it is the series' own state and headroom. */
export function arrange(series: Standing): void {
  const distance = (against: Against) =>
    against.headroom ?? (isBeyond(against) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  series.standings.sort((a, b) => {
    const byHeadroom = distance(a) === distance(b) ? 0 : distance(a) - distance(b);
    return rank(a.state) - rank(b.state) || byHeadroom;
  });
  const worst = series.standings[0];
  const state = worst?.state ?? "none";
  // What was not compared with one of its limits is not within them.
  series.state = series.unknown_of_water.length > 0 && (state === "ok" || state === "none") ? "open" : state;
  series.headroom = worst?.headroom ?? null;
}

function isBeyond({ direction, limit, value }: Against): boolean {
  return value !== null && (direction === "max" ? value > limit : value < limit);
}

function headroom({ direction, limit }: Against, value: number): number | null {
  const within = direction === "max" ? limit - value : value - limit;
  const percent = Math.round((within / limit) * 1000) / 10;
  return Number.isFinite(percent) ? percent : null;
}

/**
 * A limit for single readings has a new reading as its value. That a plain value is within it shows at once; how grave it
 * is beyond it the server says, and until then nothing is said of it.
 */
export function follow(series: Standing, value: number, qualifier: Qualifier): void {
  for (const against of series.standings) {
    const inUnit = against.limit_in_unit_of_readings;
    if (against.statistic !== "instant" || against.is_made || !inUnit) continue;
    against.value = (value / inUnit) * against.limit;
    against.qualifier = qualifier;
    const left = headroom(against, against.value);
    const isWithin = qualifier === "=" && left !== null && left >= 0;
    against.headroom = isWithin ? left : null;
    if (isWithin) against.state = "ok";
  }
  arrange(series);
}

/** An alert on the latest values: its limit has its value, its headroom and its state. */
export function met(series: Standing, alert: Alert): void {
  const against = series.standings.find(
    ({ statistic, direction, limit, unit }) =>
      statistic === alert.statistic && direction === alert.direction && limit === alert.limit && unit === alert.unit,
  );
  const isLatest = against?.statistic !== "instant" || seconds(alert.time) >= seconds(series.last);
  if (!against || !isLatest || (against.period !== null && alert.period < against.period)) return;
  const { value, qualifier, period, severity } = alert;
  Object.assign(against, { value, qualifier, period, state: severity, headroom: headroom(against, value) });
}
