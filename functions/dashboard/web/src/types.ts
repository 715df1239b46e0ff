// What the API answers; `/docs/openapi.json` has the same.

export type Severity = "info" | "watch" | "warning" | "critical";
export type Condition = Severity | "ok" | "none";
export type Qualifier = "=" | "<" | ">";
export type Direction = "max" | "min";
/** Hours as a number, or RFC 3339. */
export type Moment = number | string;

export interface Against {
  statistic: string;
  direction: Direction;
  limit: number;
  unit: string;
  limit_in_unit_of_readings: number | null;
  period: string | null;
  value: number | null;
  qualifier: Qualifier;
  headroom: number | null;
  state: Condition;
}

export interface Standing {
  id: string;
  site: string;
  outfall: string;
  parameter: string;
  base: string;
  variant?: string;
  unit: string;
  first: Moment;
  last: Moment;
  latest: number;
  qualifier: Qualifier;
  limits: number;
  incomparable_units: string[];
  state: Condition;
  headroom: number | null;
  standings: Against[];
  exceedances: number;
  last_exceedance: Moment | null;
  spark: [Moment, number, Qualifier][];
}

export interface Overview {
  site: string;
  seq: number;
  permit_version: number;
  /** How much of what is stored is still to be judged. */
  pending: number;
  alerts: number;
  alerts_by_severity: Partial<Record<Severity, number>>;
  series: Standing[];
  next: string | null;
}

export interface Alert {
  id: string;
  site: string;
  outfall: string;
  parameter: string;
  series: string;
  statistic: string;
  base: string;
  period: string;
  time: Moment;
  value: number;
  qualifier: Qualifier;
  unit: string;
  limit: number;
  direction: Direction;
  percent: number;
  severity: Severity;
  action: string;
}

export interface Point {
  time: Moment;
  value: number;
  unit: string;
  qualifier: Qualifier;
  limit?: number;
  severity?: Severity;
}

export interface Readings {
  series: string;
  readings: Point[];
  total: number;
  downsampled: boolean;
  next: string | null;
}

export interface SiteStatus {
  site: string;
  series: number;
  latest: Moment | null;
  alerts: number;
}

export interface Limit {
  parameter: string;
  outfall?: string;
  value: number;
  unit: string;
  direction: Direction;
  statistic: string;
  n?: number;
  months?: number[];
  non_detect?: "zero" | "half" | "full";
  action?: string;
}

export interface Permit {
  site: string;
  default: boolean;
  version: number;
  updated_at: string | null;
  limits: Limit[];
}

export interface SavedPermit extends Permit {
  alerts: { new: number; withdrawn: number };
  /** With 202 alone: how much is still to be judged. */
  pending?: number;
}

export interface PermitPreview {
  total: number;
  by_severity: Partial<Record<Severity, number>>;
  new: number;
  withdrawn: number;
  items: Alert[];
}

export interface RowError {
  line: number;
  column: string;
  text: string;
  reason: string;
}

export interface IngestAnswer {
  id: string;
  status: "stored" | "known";
  message: string;
  digest: string;
  bytes: number;
  shape: string;
  sites: string[];
  series: number;
  rows: number;
  rows_taken: number;
  rows_refused: number;
  rows_without_reading: number;
  without_reading: Record<string, number>;
  readings: number;
  errors_total: number;
  errors: RowError[];
  ignored_columns: string[];
  readings_judged: number;
  parameters_without_limit: string[];
  alerts: {
    total: number;
    new: number;
    withdrawn: number;
    by_severity: Partial<Record<Severity, number>>;
    items: Alert[];
  };
  seconds: number;
  left_out?: Record<string, number>;
}

/** With 202, for a file whose verdicts are still being worked out. */
export interface Underway {
  id: string;
  state: "recording" | "judging";
  message: string;
}

export interface IngestRecord {
  state: Underway["state"] | "done";
  series_left: number;
  answer: IngestAnswer | null;
}
