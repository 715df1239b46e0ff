// Describes a limit in words, field by field.

import { formulas, statistic, statisticText } from "../statistics";

export const NON_DETECTS: Record<string, string> = { zero: "as zero", half: "as half", full: "in full" };
export const DIRECTIONS: Record<string, string> = { max: "at most", min: "at least" };

/** The fields that have a column for every limit, by the server's names. */
export const TITLES = {
  parameter: "Parameter",
  outfall: "Outfall",
  statistic: "Statistic",
  /** The server says what the statistic's number is called in a limit. */
  number: "Number",
  direction: "Direction",
  value: "Limit",
  unit: "Unit",
  months: "Months",
  non_detect: "Non-detects",
  action: "Action",
} as const;
export type Field = keyof typeof TITLES;

/** A field that few limits need. */
export interface More {
  title: string;
  kind: "text" | "date" | "number" | "numbers" | "choice" | "formula";
  /** The choices; an empty key is the default. */
  choices?: Record<string, string>;
  /** The meaning of an empty field. */
  usual: string;
}

export const MORE = {
  kind: {
    title: "Kind",
    kind: "choice",
    choices: { "": "limit", benchmark: "benchmark, no violation beyond it" },
    usual: "limit",
  },
  from: { title: "First day", kind: "date", usual: "that of the version" },
  until: { title: "Last day", kind: "date", usual: "that of the version" },
  every: {
    title: "Expected every",
    kind: "choice",
    choices: { "": "period, or month", day: "day", week: "week", month: "month", quarter: "quarter", year: "year" },
    usual: "period, or month",
  },
  closed_from: { title: "Outfall closed from", kind: "date", usual: "not closed" },
  of: {
    title: "Average of",
    kind: "choice",
    choices: {
      "": "what is usual for the statistic",
      days: "days, each with one weight",
      results: "all results alike",
    },
    usual: "what is usual for the statistic",
  },
  base: { title: "Reported base", kind: "text", usual: "every" },
  inconclusive: {
    title: "Signs that leave it open",
    kind: "choice",
    choices: { "": "are inconclusive", violation: "are violations" },
    usual: "are inconclusive",
  },
  all_non_detect: {
    title: "Nothing but non-detects",
    kind: "choice",
    choices: { "": "is below the largest detection limit", compliant: "is taken by the rule for non-detects" },
    usual: "is below the largest detection limit",
  },
  digits: { title: "Rounded to decimals", kind: "number", usual: "not rounded" },
  thresholds: { title: "Watch, warning, critical from", kind: "numbers", usual: "built-in steps" },
  low: { title: "Lower end of the range", kind: "number", usual: "none" },
  flow: { title: "Flow of the load", kind: "text", usual: "no load" },
  factor: { title: "Factor of the load", kind: "number", usual: "that of the units" },
  influent: { title: "Influent of the removal", kind: "text", usual: "no removal" },
  formula: { title: "Formula", kind: "formula", usual: "none, the limit is a number" },
  hardness: { title: "Hardness for the formula", kind: "text", usual: "Hardness" },
  ph: { title: "pH for the formula", kind: "text", usual: "pH" },
  temperature: { title: "Temperature for the formula", kind: "text", usual: "Temperature" },
} as const satisfies Record<string, More>;
export type MoreField = keyof typeof MORE;
export const MORE_FIELDS = Object.keys(MORE) as MoreField[];

/** A limit from the server, or one in the form, where a number may not be valid yet. */
export type Written = Record<string, unknown>;

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** Fields that need no label: the number of a statistic is part of its name. */
export type Part = Exclude<Field, "number"> | MoreField;
export const PARTS: readonly Part[] = [
  ...(Object.keys(TITLES) as Field[]).filter((field) => field !== "number"),
  ...MORE_FIELDS,
];

export function titleOf(part: Part): string {
  return part in MORE ? MORE[part as MoreField].title : TITLES[part as keyof typeof TITLES];
}

/** The text shown for an empty field. */
const EMPTY: Partial<Record<Part, string>> = {
  outfall: "all",
  months: "all",
  non_detect: "not used",
  action: "built-in advice",
};

/** The number of a limit's statistic, if it takes one. */
export function numberOf(limit: Written): unknown {
  const key = statistic(String(limit.statistic ?? ""))?.argument?.key;
  return key === undefined ? undefined : limit[key];
}

/** A field, as people read it. */
export function partText(limit: Written, part: Part): string {
  const value = limit[part];
  const text = Array.isArray(value) ? value.join(", ") : String(value ?? "").trim();
  if (part in MORE) return moreText(part as MoreField, text);
  if (text === "" && part === "value" && limit.formula) return "by the formula";
  if (text === "") return EMPTY[part] ?? "";
  if (part === "statistic") {
    const number = numberOf(limit);
    return statisticText(number === undefined ? text : `${text}(${number})`);
  }
  if (part === "direction") return DIRECTIONS[text] ?? text;
  if (part === "non_detect") return NON_DETECTS[text] ?? text;
  if (part === "months" && Array.isArray(value)) return monthsText(value);
  return text;
}

function moreText(field: MoreField, text: string): string {
  const more: More = MORE[field];
  // `limit` is the default kind of a limit, written or not.
  return text === "" ? more.usual : (choicesOf(more)?.[text] ?? text);
}

/** The choices of a field, if it has any. The formulas come from the server. */
export function choicesOf(more: More): Record<string, string> | undefined {
  if (more.kind !== "formula") return more.choices;
  return { "": more.usual, ...Object.fromEntries(formulas().map(({ id, label }) => [id, label])) };
}

function monthsText(months: unknown[]): string {
  const inOrder = [...months].sort((a, b) => Number(a) - Number(b));
  return inOrder.map((month) => MONTHS[Number(month) - 1] ?? String(month)).join(", ");
}
