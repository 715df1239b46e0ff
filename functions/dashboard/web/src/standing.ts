// How a series stands against its limits: state and headroom always belong to the same limit and the same value.

import { CONDITIONS, seconds } from "./format";
import type { Against, Alert, Condition, Qualifier, Standing } from "./types";

export function rank(state: Condition): number {
  return CONDITIONS.indexOf(state);
}

/** A value whose sign leaves open whether it is within its limit does not count as within. */
export function open(series: Standing): void {
  for (const against of series.standings) {
    if (against.state === "ok" && against.is_inconclusive) against.state = "open";
  }
  arrange(series);
}

/** The worst limit first; its state and headroom are the series' own. */
export function arrange(series: Standing): void {
  const distance = (against: Against) =>
    against.headroom ?? (isBeyond(against) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  series.standings.sort((a, b) => {
    const byHeadroom = distance(a) === distance(b) ? 0 : distance(a) - distance(b);
    return rank(a.state) - rank(b.state) || byHeadroom;
  });
  const worst = series.standings[0];
  const state = worst?.state ?? "none";
  // A value that was not compared with one of its limits is not within them.
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
 * The value of a limit for single readings is the new reading. If a plain value is within it, that shows at once; if it
 * is beyond, its severity is left open until the server has said it.
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

/** An alert on the latest values: it sets its limit's value, headroom and state. */
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
