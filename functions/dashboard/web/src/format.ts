// Formats numbers, times and names for people. Times are in the site's time zone.

import type { Alert, Condition, Direction, Moment, Qualifier, Severity, Standing } from "./types";
import { clock, momentOf, siteZone } from "./zone";

/** From the gravest to none. */
export const CONDITIONS: readonly Condition[] = ["critical", "warning", "watch", "info", "open", "ok", "none"];
export const SEVERITIES: readonly Severity[] = ["critical", "warning", "watch", "info"];

export const CONDITION_NAMES: Record<Condition, string> = {
  critical: "Critical",
  warning: "Warning",
  watch: "Watch",
  // A violation is never merely informational.
  info: "Minor",
  open: "Inconclusive",
  ok: "Within limits",
  none: "No limit",
};

export const MEGABYTE = 1024 * 1024;

const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const long = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 8 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const scientific = new Intl.NumberFormat("en-US", { notation: "scientific", maximumSignificantDigits: 4 });

/** A value for a narrow space. */
export function brief(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return scientific.format(value);
  return size >= 10_000 ? whole.format(value) : short.format(value);
}

/** A value with the digits with which it was reported. */
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

/** The size of a file. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return counted(bytes, "byte");
  if (bytes < MEGABYTE) return `${count(bytes / 1024)} KB`;
  const isLarge = bytes >= 1024 * MEGABYTE;
  return isLarge ? `${(bytes / MEGABYTE / 1024).toFixed(2)} GB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

/** A duration, as precisely as it can be known. */
export function durationText(seconds: number): string {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `about ${counted(Math.round(seconds / 10) * 10, "second")}`;
  if (seconds < 5400) return `about ${counted(Math.round(seconds / 60), "minute")}`;
  return `about ${counted(Math.round(seconds / 3600), "hour")}`;
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

/** The inputs from which a limit was computed. */
export function waterText(water: NonNullable<Alert["water"]>): string {
  const inputs = water.map(
    ({ parameter, value, unit }) => `${parameter} ${brief(value)}${unit === "SU" ? "" : ` ${unit}`}`,
  );
  return `at ${inputs.join(" and ")}`;
}

/** A text, for use within a sentence. */
export function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The unknown inputs of a limit; empty if all are known. */
export function unknownText({ unknown_of_water: unknown }: Standing): string {
  return unknown.length > 0 ? `not compared: ${unknown.join(" or ")} not known` : "";
}

/** How far it is beyond its limit: in percent, or in its unit if a percentage would say nothing. */
export function beyondText(alert: Alert): string {
  if (alert.percent !== null) return `${count(alert.percent)} % beyond`;
  if (alert.percent_at_least != null) return `at least ${count(alert.percent_at_least)} % beyond`;
  if (alert.limit === 0) return "limit is zero";
  return `${brief(Math.abs(alert.value - alert.limit))} ${alert.unit} beyond`;
}

/** A date alone: a day of the site's calendar, not a moment. */
const DAY = /^[+-]?\d{4,6}-\d\d-\d\d$/;
const OFFSET = /(Z|[+-]\d\d:?\d\d)$/i;

export function isDay(moment: Moment): moment is string {
  return typeof moment === "string" && DAY.test(moment);
}

/** Seconds since 1970, or since hour 0. A day begins at the site's midnight. */
export function seconds(moment: Moment): number {
  if (typeof moment === "number") return moment * 3600;
  const isLocal = isDay(moment) || !OFFSET.test(moment);
  return (isLocal ? momentOf(moment, siteZone.get()) : Date.parse(moment)) / 1000;
}

export function isHours(moment: Moment): moment is number {
  return typeof moment === "number";
}

/** A time on the axis, in the API's format. */
export function momentAt(at: number, hours: boolean): string {
  if (hours) return String(at / 3600);
  // Dates beyond the range of browsers are beyond all readings as well.
  const milliseconds = Math.min(Math.max(at * 1000, -62_135_596_800_000), 253_402_300_799_999);
  return new Date(milliseconds).toISOString();
}

/** A time as clocks and calendars show it, in the site's zone unless another is given. */
export function momentText(moment: Moment, zone = siteZone.get()): string {
  if (isHours(moment)) return `${long.format(moment)} h`;
  const at = Date.parse(moment);
  if (isDay(moment) || Number.isNaN(at) || !OFFSET.test(moment)) return moment;
  const { day, time } = clock(at, zone);
  return `${day} ${time.endsWith(":00") ? time.slice(0, 5) : time}`;
}

/** The day of a moment. */
export function dayText(moment: Moment, zone = siteZone.get()): string {
  const text = momentText(moment, zone);
  return isHours(moment) ? text : (text.split(/[ T]/, 1)[0] ?? text);
}

/** The period of an alert; if it is a moment, formatted like any other. */
export function periodText(period: string, zone = siteZone.get()): string {
  return /^[+-]?\d{4,6}-\d\d-\d\dT/.test(period) ? momentText(period, zone) : period;
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

/** Switches an input to dates, or to hours if the readings have hours. It keeps its text if the kind stays the same. */
export function momentInput(input: HTMLInputElement, hours: boolean): void {
  const type = hours ? "number" : "date";
  if (input.type !== type) input.type = type;
  if (hours) input.step = "any";
}

/** A field of a CSV file. A text that spreadsheets would take for a formula gets a prefix that makes it text. */
export function csvField(value: string | number): string {
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value));
  const text = isFormula ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows: (string | number)[][]): string {
  return rows.map((row) => `${row.map(csvField).join(",")}\r\n`).join("");
}

/** A file name that every system accepts. */
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
