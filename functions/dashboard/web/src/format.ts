// Numbers, times and names as people read them. Times are UTC, as the days and months of permits are here.

import type { Condition, Direction, Moment, Qualifier, Severity } from "./types";

/** From the gravest to none. */
export const CONDITIONS: readonly Condition[] = ["critical", "warning", "watch", "info", "ok", "none"];
export const SEVERITIES: readonly Severity[] = ["critical", "warning", "watch", "info"];

export const CONDITION_NAMES: Record<Condition, string> = {
  critical: "Critical",
  warning: "Warning",
  watch: "Watch",
  info: "Info",
  ok: "Within limits",
  none: "No limit",
};

/** What stands in a percentage where the limit is zero (EPA's own convention). */
const PERCENT_OF_ZERO_LIMIT = 2_147_483_650;

const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const long = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 8 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const scientific = new Intl.NumberFormat("en-US", { notation: "scientific", maximumSignificantDigits: 4 });

/** A value in little room. */
export function brief(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return scientific.format(value);
  return size >= 10_000 ? whole.format(value) : short.format(value);
}

/** A value with the digits that it came with. */
export function exact(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e12 || size < 1e-6) ? scientific.format(value) : long.format(value);
}

export function count(value: number): string {
  return whole.format(value);
}

export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A value with its qualifier and unit. */
export function quantity(value: number, qualifier: Qualifier, unit: string, number = brief): string {
  return `${qualifier === "=" ? "" : `${qualifier} `}${number(value)}${unit ? ` ${unit}` : ""}`;
}

export function limitText(direction: Direction, limit: number, unit: string): string {
  return `${direction === "max" ? "≤" : "≥"} ${brief(limit)} ${unit}`.trim();
}

export function headroomText(headroom: number): string {
  const size = `${brief(Math.abs(headroom))} %`;
  return headroom < 0 ? `${size} beyond` : `${size} headroom`;
}

export function percentText(percent: number): string {
  return percent >= PERCENT_OF_ZERO_LIMIT ? "limit is zero" : `${count(percent)} % beyond`;
}

/** Seconds since 1970, or since hour 0. */
export function seconds(moment: Moment): number {
  return typeof moment === "number" ? moment * 3600 : Date.parse(moment) / 1000;
}

export function isHours(moment: Moment): moment is number {
  return typeof moment === "number";
}

/** A time on the axis, as the API takes it. */
export function momentAt(at: number, hours: boolean): string {
  if (hours) return String(at / 3600);
  // Dates beyond what the calendar of browsers can name lie beyond all readings as well.
  const milliseconds = Math.min(Math.max(at * 1000, -62_135_596_800_000), 253_402_300_799_999);
  return new Date(milliseconds).toISOString();
}

export function momentText(moment: Moment): string {
  if (isHours(moment)) return `${long.format(moment)} h`;
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return moment;
  const text = at.toISOString();
  if (text.endsWith("T00:00:00.000Z")) return text.slice(0, 10);
  return `${text.slice(0, 10)} ${text.endsWith(":00.000Z") ? text.slice(11, 16) : text.slice(11, 19)}`;
}

/** The period of an alert; a moment among them is shown like any other. */
export function periodText(period: string): string {
  return /^\d{4}-\d\d-\d\dT/.test(period) ? momentText(period) : period;
}

const STATISTICS: Record<string, string> = {
  instant: "single readings",
  daily_max: "daily maximum",
  daily_min: "daily minimum",
  daily_avg: "daily average",
  weekly_avg: "weekly average",
  monthly_avg: "monthly average",
  geomean_30d: "30-day geometric mean",
  as_reported: "as reported",
};

export function statisticText(statistic: string): string {
  const rolling = /^rolling_mean\((\d+)\)$/.exec(statistic);
  return rolling ? `mean of ${rolling[1]} readings` : (STATISTICS[statistic] ?? statistic);
}

/** Statistical bases of EPA's forms. */
const BASES: Record<string, string> = {
  "DAILY AV": "daily average",
  "DAILY MX": "daily maximum",
  "DAILY MN": "daily minimum",
  "MO AVG": "monthly average",
  "MO MAX": "monthly maximum",
  "MO MIN": "monthly minimum",
  "WKLY AVG": "weekly average",
  MAXIMUM: "maximum",
  MINIMUM: "minimum",
  "INST MAX": "instantaneous maximum",
  "INST MIN": "instantaneous minimum",
  SINGGRAB: "single grab",
  "30DA AVG": "30-day average",
  "MO GEO": "monthly geometric mean",
  "30DA GEO": "30-day geometric mean",
  SINGSAMP: "single sample",
  "ANNL AVG": "annual average",
  "ANNL MAX": "annual maximum",
};

export function baseText(base: string): string {
  return base === "" ? "readings" : (BASES[base] ?? base);
}

export function sameName(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

/** A field of a CSV file. */
export function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows: (string | number)[][]): string {
  return rows.map((row) => `${row.map(csvField).join(",")}\r\n`).join("");
}

/** A file name that every system takes. */
export function fileName(...parts: string[]): string {
  const plain = parts.map((part) =>
    part
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 60),
  );
  return (
    plain
      .filter((part) => part !== "")
      .join("-")
      .toLowerCase() || "effluent"
  );
}
