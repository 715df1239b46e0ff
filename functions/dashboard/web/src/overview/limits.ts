// The limits of a series over time: each permit version from its day on, seasons and interim limits within their own
// dates.

import { get } from "../api";
import { sameName } from "../format";
import { overview } from "../model";
import type { Direction, Limit, Permit, Standing } from "../types";
import { clock, momentOf, siteZone, UTC } from "../zone";

/** A stretch of the axis, in seconds. */
export interface Span {
  from: number;
  to: number;
}

/** A limit in the unit of the chart, with the stretches in which it is in force. */
export interface LimitLine {
  value: number;
  direction: Direction;
  statistic: string;
  isBenchmark: boolean;
  spans: Span[];
}

/** The limits of a version, and how long they are in force. */
interface Era extends Span {
  limits: Limit[];
}

/** Before any reading. */
const BEGINNING = "0001-01-01";
/** A season over more months than this is drawn as if it were always in force: the months could not be told apart. */
const MOST_MONTHS = 6000;

/** What is known of one permit, by write count; another permit replaces it. */
let known: { key: string; current: Permit | null; versions: Map<number, Limit[]> } = {
  key: "",
  current: null,
  versions: new Map(),
};

export async function loadLimits(series: Standing, span: Span, signal: AbortSignal): Promise<LimitLine[]> {
  const zone = typeof series.last === "number" ? UTC : siteZone.get();
  try {
    return lines(series, await eras(series.site, span, zone, signal), span, zone);
  } catch (error) {
    if (signal.aborted) throw error;
    // Without the permit, fall back to the limits of the latest reading.
    return ofStandings(series, span);
  }
}

async function eras(site: string, span: Span, zone: string, signal: AbortSignal): Promise<Era[]> {
  const loaded = overview.get();
  const key = `${site}\n${loaded.state === "ready" ? loaded.value.permit_version : ""}`;
  if (known.key !== key) known = { key, current: null, versions: new Map() };
  const now = known;
  const { versions } = now;
  const path = `/api/permits/${encodeURIComponent(site)}`;
  now.current ??= await get<Permit>(path, {}, signal);
  const { current } = now;
  if (current.versions.length === 0) return [{ from: -Infinity, to: Infinity, limits: current.limits }];
  const start = (day: string | null) => (day === null ? -Infinity : momentOf(day, zone) / 1000);
  const found: Era[] = [];
  for (const [index, { version, effective_from }] of current.versions.entries()) {
    const next = current.versions[index + 1];
    const [from, to] = [start(effective_from), next ? start(next.effective_from) : Infinity];
    if (to <= span.from || from >= span.to) continue;
    let limits = versions.get(version);
    if (!limits) {
      const isCurrent = effective_from === current.effective_from;
      const at = effective_from ?? BEGINNING;
      limits = (isCurrent ? current : await get<Permit>(path, { at }, signal)).limits;
      versions.set(version, limits);
    }
    found.push({ from, to, limits });
  }
  return found;
}

function lines(series: Standing, all: Era[], span: Span, zone: string): LimitLine[] {
  const found = new Map<string, LimitLine>();
  for (const era of all) {
    for (const limit of era.limits) {
      if (!covers(limit, series)) continue;
      const holds = stretches(limit, era, span, zone);
      for (const line of linesOf(limit, series)) {
        const key = JSON.stringify(line);
        const kept = found.get(key) ?? line;
        found.set(key, kept);
        for (const stretch of holds) push(kept.spans, { ...stretch });
      }
    }
  }
  return [...found.values()].filter((line) => line.spans.length > 0);
}

/** The line of a limit; for a range, the lines of both ends. */
function linesOf(limit: Limit, series: Standing): LimitLine[] {
  const argument = limit.n ?? limit.p;
  const statistic = argument === undefined ? limit.statistic : `${limit.statistic}(${argument})`;
  const isBenchmark = limit.kind === "benchmark";
  const line = (of: number, direction: Direction): LimitLine[] => {
    const value = inUnitOf(series, of, limit.unit);
    return value === null ? [] : [{ value, direction, statistic, isBenchmark, spans: [] }];
  };
  const lower = typeof limit.low === "number" ? line(limit.low, "min") : [];
  return [...(limit.value === undefined ? [] : line(limit.value, limit.direction)), ...lower];
}

/** Whether a limit applies to the readings themselves, rather than to a value computed from several series. */
function covers(limit: Limit, series: Standing): boolean {
  const isSame = sameName(limit.parameter, series.parameter);
  const isHere = limit.outfall === undefined || sameName(limit.outfall, series.outfall);
  const isOfBase = limit.base === undefined || sameName(limit.base, series.base);
  const isOfKind = series.base === "" || limit.statistic === "as_reported";
  const isOfOne = [limit.flow, limit.influent, limit.formula].every((other) => other === undefined);
  return isSame && isHere && isOfBase && isOfKind && isOfOne;
}

/** A limit in the unit of the readings, as far as the server has said how units convert. */
function inUnitOf(series: Standing, limit: number, unit: string): number | null {
  const told = series.standings.filter((one) => sameName(one.unit, unit));
  const same = told.find((one) => one.limit === limit)?.limit_in_unit_of_readings;
  if (same != null) return same;
  if (sameName(unit, series.unit)) return limit;
  const other = told.find((one) => one.limit !== 0 && one.limit_in_unit_of_readings !== null);
  return other?.limit_in_unit_of_readings ? (limit / other.limit) * other.limit_in_unit_of_readings : null;
}

/** When a limit of a version is in force within a stretch. */
function stretches(limit: Limit, era: Era, span: Span, zone: string): Span[] {
  let [from, to] = [Math.max(era.from, span.from), Math.min(era.to, span.to)];
  if (limit.from) from = Math.max(from, momentOf(limit.from, zone) / 1000);
  // The last day is included.
  if (limit.until) to = Math.min(to, momentOf(dayAfter(limit.until), zone) / 1000);
  if (from >= to) return [];
  return limit.months && limit.months.length < 12 ? inSeason({ from, to }, limit.months, zone) : [{ from, to }];
}

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}

function inSeason(span: Span, months: number[], zone: string): Span[] {
  const [first = "1970", monthOfFirst = "01"] = clock(span.from * 1000, zone).day.split("-");
  let [year, month] = [Number(first), Number(monthOfFirst)];
  if (!(year >= 1 && year < 9900) || (span.to - span.from) / 2_629_800 > MOST_MONTHS) return [span];
  const found: Span[] = [];
  const start = () => momentOf(`${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-01`, zone) / 1000;
  for (let at = start(); at < span.to; ) {
    const isOfSeason = months.includes(month);
    [year, month] = month === 12 ? [year + 1, 1] : [year, month + 1];
    const next = start();
    if (isOfSeason) push(found, { from: Math.max(at, span.from), to: Math.min(next, span.to) });
    at = next;
  }
  return found;
}

/** Adds a stretch, or extends the last one if it continues it. */
function push(spans: Span[], next: Span): void {
  const last = spans.at(-1);
  if (last && last.to >= next.from) last.to = Math.max(last.to, next.to);
  else spans.push(next);
}

function ofStandings(series: Standing, span: Span): LimitLine[] {
  const own = series.standings.filter((one) => one.statistic !== "as_reported" && !one.is_made);
  return own.flatMap(({ limit_in_unit_of_readings: value, direction, statistic }) =>
    value === null ? [] : [{ value, direction, statistic, isBenchmark: false, spans: [{ ...span }] }],
  );
}

/** The limits in force at a time, in seconds. */
export function limitsAt(all: LimitLine[], at: number): LimitLine[] {
  return all.filter(({ spans }) => spans.some(({ from, to }) => from <= at && at < to));
}
