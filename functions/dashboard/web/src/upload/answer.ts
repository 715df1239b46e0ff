// Accounts of earlier versions of the program, which counted less.

import type { IngestAnswer } from "../types";

const NOTHING = {
  rows_repeated: 0,
  without_reading: {},
  readings_quality_control: 0,
  readings_replaced: 0,
  replacements: [],
  flags: {},
  errors_total: 0,
  errors: [],
  warnings_total: 0,
  warnings: [],
  encoding: "",
  header_line: 1,
  notes: [],
  ignored_columns: [],
  readings_judged: 0,
  readings_inconclusive: 0,
  periods_without_water: 0,
  parameters_without_limit: [],
} satisfies Partial<IngestAnswer>;

/** An account with all of today's counts. */
export function whole(answer: IngestAnswer): IngestAnswer {
  return { ...NOTHING, ...answer };
}
