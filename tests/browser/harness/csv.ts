// Writes CSV for tests, and reads the product's.
import { ECHO } from "./files.ts";

/** The time at which generated readings begin. */
export const START = Date.UTC(2026, 0, 1);

/** RFC 3339 without a fraction, as laboratories write it. */
export function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

/**
 * A tidy file of `rows` readings of one species at equal intervals; every `peak`-th is 900, the others are below 250.
 */
export function tidy(rows: number, options: { species?: string; stepMs?: number; peak?: number } = {}): string {
  const { species = "SO4", stepMs = 60_000, peak = Number.POSITIVE_INFINITY } = options;
  const lines = ["time,species,concentration"];
  for (let row = 0; row < rows; row++) {
    // A daily swing with some variation, so that neither a codec nor the eye takes it for a straight line.
    const usual = 150 + 60 * Math.sin(row / 900) + ((row * 7919) % 31);
    lines.push(`${moment(START + row * stepMs)},${species},${row % peak === peak - 1 ? 900 : usual.toFixed(1)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** A file of at least so many rows and bytes, most of them in a column that is ignored. */
export function bulky(rows: number, bytes: number, options: Parameters<typeof tidy>[1] = {}): string {
  const [header, ...lines] = tidy(rows, options).trimEnd().split("\n");
  const remark = "of no interest ".repeat(Math.ceil(bytes / rows / 15));
  return [`${header},remark`, ...lines.map((line) => `${line},${remark}`), ""].join("\n");
}

/** The cells of a file, quoted ones unquoted (RFC 4180). */
export function parse(text: string): string[][] {
  const rows: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === "" && cells.length === 0 && quoted === undefined && plain === "") break;
    cells.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(cells);
    cells = [];
    if (end === "") break;
  }
  return rows;
}

/** The rows of a file with a header, by column. */
export function records(text: string): Record<string, string>[] {
  const [header = [], ...rows] = parse(text.replace(/^\uFEFF/, ""));
  return rows.map((row) => Object.fromEntries(header.map((name, column) => [name, row[column] ?? ""])));
}

export interface Verdict {
  parameter: string;
  outfall: string;
  percent: number;
  month: string;
}

/** EPA's own findings in the effluent chart: its numeric violations, with its percentages. */
export function verdictsOfEpa(): Verdict[] {
  const violations = records(ECHO).filter((row) => row.violation_code === "E90");
  return violations.map((row) => ({
    parameter: row.parameter_desc ?? "",
    outfall: row.perm_feature_nmbr ?? "",
    percent: Number(row.exceedence_pct),
    month: (row.monitoring_period_end_date ?? "").replace(/^(\d\d)\/\d\d\/(\d{4})$/, "$2-$1"),
  }));
}
