// The API's answers; `/docs/openapi.json` describes the same.

export type Severity = "info" | "watch" | "warning" | "critical";
/** `open`: its sign leaves open whether it is within the limit. */
export type Condition = Severity | "open" | "ok" | "none";
export type Qualifier = "=" | "<" | ">";
export type Direction = "max" | "min";
/** Hours as a number, a moment by RFC 3339, or a date alone, which is a day of the site's calendar. */
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
  is_inconclusive: boolean;
  /** The value or the limit is computed from several series. */
  is_made: boolean;
}

/** A statistic that a limit can be about. `{}` in its label stands for its number. */
export interface Statistic {
  name: string;
  label: string;
  period: "instant" | "day" | "week" | "month" | "quarter" | "year";
  argument: { key: string; label: string; least: number; most: number; is_whole: boolean } | null;
  is_average: boolean;
  unit: string | null;
}

/** A formula for a limit, or for the part of the value that counts. */
export interface Formula {
  id: string;
  label: string;
  formula: string;
  gives_limit: boolean;
  unit: string;
  needs: { key: string; parameter: string }[];
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
  /** Unknown properties of the water on which limits depend: these limits are compared with nothing. */
  unknown_of_water: string[];
  exceedances: number;
  last_exceedance: Moment | null;
  spark: [Moment, number, Qualifier][];
}

export interface Overview {
  site: string;
  seq: number;
  permit_version: number;
  time_zone: string;
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
  /** Null for pH and turbidity, for limits of zero, and if the sign leaves it open. */
  percent: number | null;
  percent_at_least?: number | null;
  severity: Severity;
  action: string;
  kind: "limit" | "benchmark";
  permit_version: number;
  detection_limit_above_limit?: boolean;
  /** The properties of the water on which the limit depends. */
  water?: { parameter: string; value: number; unit: string }[];
}

export interface Point {
  time: Moment;
  value: number;
  unit: string;
  qualifier: Qualifier;
  limit?: number;
  severity?: Severity;
  /** The laboratory's flags. */
  flags?: string[];
  /** A blank, a spike, a duplicate: kept, and not judged. */
  quality_control?: boolean;
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
  /** Absent if a formula computes it. */
  value?: number;
  formula?: string;
  unit: string;
  direction: Direction;
  statistic: string;
  months?: number[];
  non_detect?: "zero" | "half" | "full";
  action?: string;
  kind?: "limit" | "benchmark";
  /** The first and the last day, within its version. */
  from?: string;
  until?: string;
  base?: string;
  flow?: string;
  influent?: string;
  low?: number;
  /** Its other fields: the number of its statistic, how it is compared, how often values are expected. */
  [key: string]: unknown;
}

export interface Version {
  version: number;
  /** The first local day; null if it has been in force from the beginning. */
  effective_from: string | null;
  updated_at: string;
  limits: number;
}

export interface Permit {
  site: string;
  default: boolean;
  /** How many times the permit was written, whichever version: the tag for `If-Match`. */
  version: number;
  updated_at: string | null;
  /** The first local day of the version shown. */
  effective_from: string | null;
  time_zone: string;
  week_starts: string;
  /** The earliest first; empty for the built-in permit. */
  versions: Version[];
  limits: Limit[];
}

export interface SavedPermit extends Permit {
  alerts: { new: number; withdrawn: number };
  /** Only with 202: how much is still to be judged. */
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

export interface Replacement {
  outfall: string;
  parameter: string;
  time: Moment;
  old: string;
  new: string;
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
  rows_repeated: number;
  without_reading: Record<string, number>;
  readings: number;
  readings_quality_control: number;
  readings_replaced: number;
  /** The first of the replaced readings. */
  replacements: Replacement[];
  /** How many readings have each flag. */
  flags: Record<string, number>;
  errors_total: number;
  errors: RowError[];
  warnings_total: number;
  /** What was accepted but may not be right. */
  warnings: RowError[];
  encoding: string;
  header_line: number;
  /** How the file was read, in sentences. */
  notes: string[];
  ignored_columns: string[];
  readings_judged: number;
  readings_inconclusive: number;
  periods_without_water: number;
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

/** The state of an ingest. */
export type FileStage = "recording" | "judging" | "done" | "refused" | "unchanged" | "failed";

/** With 202, for a file whose verdicts are pending. */
export interface Underway {
  id: string;
  state: "recording" | "judging";
  message: string;
}

/** How much of a file was read, in bytes. */
export interface Progress {
  read: number;
  of: number;
}

/** Why a file was refused as a whole. */
export interface FileError {
  code: string;
  message: string;
  details: unknown;
}

/** A person's decision about a file. */
export interface Decision {
  reason: string;
  who: string;
  at: string;
}

/** A file in the ledger. */
export interface LedgerRecord {
  id: string;
  digest: string;
  bytes: number;
  /** The site that was requested with it. */
  site: string | null;
  sites: string[];
  source: string;
  who: string;
  received_at: string;
  code_version: string;
  state: FileStage;
  answer: IngestAnswer | null;
  error: FileError | null;
  withdrawn: Decision | null;
  resolution: Decision | null;
}

/** The same, with its progress, when requested by id. */
export interface IngestRecord extends LedgerRecord {
  series_left: number;
  progress?: Progress;
}

export interface WithdrawnFile {
  ingest: LedgerRecord;
  alerts: { new: number; withdrawn: number };
  pending?: number;
}

export type SourceOutcome = "taken" | "unchanged" | "failed";

/** A URL that is fetched on a schedule. */
export interface Source {
  name: string;
  kind: "address" | "echo";
  url: string;
  permit: string | null;
  site: string | null;
  schedule: string;
  zone: string;
  next_at: string | null;
  /** The result of the last fetch. */
  last: {
    at: string;
    outcome: SourceOutcome;
    message: string;
    since: string;
    times: number;
    file: { ingest: string | null; error: FileError | null } | null;
  } | null;
}

/** A range of a file that the server does not have yet, both ends included. */
export interface Part {
  part: number;
  from: number;
  to: number;
  /** On the server if it begins with `/`; otherwise, at the store that receives parts for it. */
  url: string;
}

/** A file that is uploaded in parts. */
export interface UploadDocument {
  id: string;
  site: string | null;
  name: string;
  bytes: number;
  state: "receiving" | "waiting" | FileStage;
  /** Bytes received. */
  received: number;
  part_bytes: number;
  /** The next missing parts. */
  missing: Part[];
  /** The file's id in the ledger, once that is known. */
  ingest: string | null;
  error: FileError | null;
  progress: Progress | null;
}
