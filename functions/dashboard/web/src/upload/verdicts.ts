// A file whose verdicts take longer than a request may: its record says how far it is, and has the account in the end.

import { ApiError, get } from "../api";
import type { IngestAnswer, IngestRecord, Underway } from "../types";

/** How often the record is asked for. After the first minute the pauses grow ... */
const PAUSE = 2000;
/** ... up to this. */
const SLOWEST = 5000;
const MINUTE = 60_000;

/** Waits for the account. Null: the readings were still being stored, and for a minute nothing has happened to them. */
export async function verdicts(
  sent: Underway,
  progress: (record: IngestRecord) => void,
  signal: AbortSignal,
): Promise<IngestAnswer | null> {
  const begun = Date.now();
  let seen: IngestRecord = { state: sent.state, series_left: 0, answer: null };
  let since = begun;
  progress(seen);
  for (;;) {
    const record = await look(sent.id, signal);
    const now = Date.now();
    if (record) {
      if (record.answer) return record.answer;
      const isSame = record.state === seen.state && record.series_left === seen.series_left;
      if (!isSame) since = now;
      else if (record.state === "recording" && now - since >= MINUTE) return null;
      seen = record;
      progress(seen);
    }
    const slower = Math.max(1, (now - begun) / MINUTE);
    await new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE * slower, SLOWEST)));
  }
}

/** The record, or null if there is none to be had for the moment: the file is safe, and a connection comes and goes. */
async function look(id: string, signal: AbortSignal): Promise<IngestRecord | null> {
  try {
    return await get<IngestRecord>(`/api/ingests/${encodeURIComponent(id)}`, {}, signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The record is written once the file has been read.
    if (error.status === 404) return { state: "recording", series_left: 0, answer: null };
    if (error.status === 0 || error.status === 429 || error.status >= 500) return null;
    throw error;
  }
}
