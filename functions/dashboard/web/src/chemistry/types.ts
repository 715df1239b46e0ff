// The API's answers about fits; `/docs/openapi.json` describes the same.

export interface Model {
  id: string;
  label: string;
  formula: string;
  has_line: boolean;
}

export interface Estimate {
  name: string;
  label: string;
  unit: string;
  value: number;
  standard_error: number | null;
  lower_95: number | null;
  upper_95: number | null;
  at_bound: string | null;
  fixed: boolean;
}

export interface Fit {
  formula: string;
  form: { kind: "nonlinear" } | { kind: "linearised"; formula: string };
  parameters: Estimate[];
  r_squared: number | null;
  residual_sd: number | null;
  aicc: number | null;
  points: number;
  points_left_out: number;
  warnings: { text: string }[];
}

export interface CurvePoint {
  x: number;
  y: number | null;
  lower_95: number | null;
  upper_95: number | null;
}

export interface Result {
  fit: Fit;
  curve: CurvePoint[];
  points: { x: number | null; y: number | null; residual: number | null }[];
  /** The unit of a series' readings; `null` for pasted points. */
  y_unit: string | null;
}

export interface Job {
  id: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  progress: { step: number } | null;
  result: Result | null;
  error: { code: string; message: string } | null;
}

export interface Wanted {
  model: string;
  linear: boolean;
  weights: string;
  points?: { x: number[]; y: number[] };
  series?: { site: string; series: string; from: string | null; to: string | null };
}

/** The names of x and y, or their units, from which the parameters' units follow. */
export interface Axes {
  x: string;
  y: string;
}
