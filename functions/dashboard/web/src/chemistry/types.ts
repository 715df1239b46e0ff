// What the API answers about fits; `/docs/openapi.json` has the same.

export interface Model {
  id: string;
  label: string;
  formula: string;
  parameters: { name: string; label: string; unit: string }[];
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
  model: string;
  formula: string;
  form: { kind: "nonlinear" } | { kind: "linearised"; formula: string };
  parameters: Estimate[];
  r_squared: number | null;
  residual_sd: number | null;
  rss: number;
  aicc: number | null;
  points: number;
  points_left_out: number;
  iterations: number;
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
}

export interface Job {
  id: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  progress: { step: number; of: number } | null;
  result: Result | null;
  error: { code: string; message: string } | null;
}

/** What is asked. */
export interface Wanted {
  model: string;
  linear: boolean;
  weights: string;
  points?: { x: number[]; y: number[] };
  series?: { site: string; series: string; from: string | null; to: string | null };
}

/** What x and y are. */
export interface Axes {
  x: string;
  y: string;
}
