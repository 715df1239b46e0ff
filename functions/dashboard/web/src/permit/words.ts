// A limit in words, field by field.

import { statisticText } from "../format";

export const STATISTICS = [
  "instant",
  "daily_max",
  "daily_min",
  "daily_avg",
  "weekly_avg",
  "monthly_avg",
  "geomean_30d",
  "rolling_mean",
  "as_reported",
];
export const NON_DETECTS: Record<string, string> = { zero: "as zero", half: "as half", full: "in full" };
export const DIRECTIONS: Record<string, string> = { max: "at most", min: "at least" };

/** A field of a limit, by the name that the server knows it by. */
export type Field =
  | "parameter"
  | "outfall"
  | "statistic"
  | "n"
  | "direction"
  | "value"
  | "unit"
  | "months"
  | "non_detect"
  | "action";

export const TITLES: Record<Field, string> = {
  parameter: "Parameter",
  outfall: "Outfall",
  statistic: "Statistic",
  n: "Readings",
  direction: "Direction",
  value: "Limit",
  unit: "Unit",
  months: "Months",
  non_detect: "Non-detects",
  action: "Action",
};

/** A limit of the server, or one as it stands in the form, where a number may not be one yet. */
export type Written = { [F in Field]?: unknown };

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** Fields that say something by themselves: how many readings a mean is of is a part of its statistic. */
export type Part = Exclude<Field, "n">;
export const PARTS = (Object.keys(TITLES) as Field[]).filter((field): field is Part => field !== "n");

/** What a person reads where a field is left empty. */
const EMPTY: Partial<Record<Part, string>> = {
  outfall: "all",
  months: "all",
  non_detect: "not used",
  action: "built-in advice",
};

/** A field as a person reads it. */
export function partText(limit: Written, part: Part): string {
  const value = limit[part];
  const text = String(value ?? "").trim();
  if (text === "") return EMPTY[part] ?? "";
  if (part === "statistic")
    return text === "rolling_mean" ? statisticText(`rolling_mean(${limit.n})`) : statisticText(text);
  if (part === "direction") return DIRECTIONS[text] ?? text;
  if (part === "non_detect") return NON_DETECTS[text] ?? text;
  if (part === "months" && Array.isArray(value)) return monthsText(value);
  return text;
}

function monthsText(months: unknown[]): string {
  const inOrder = [...months].sort((a, b) => Number(a) - Number(b));
  return inOrder.map((month) => MONTHS[Number(month) - 1] ?? String(month)).join(", ");
}
