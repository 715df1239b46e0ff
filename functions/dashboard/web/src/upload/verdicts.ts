// Follows a file whose verdicts take longer than a request may: its record has the progress, and in the end the
// account.

import { ApiError, get } from "../api";
import type { IngestAnswer, IngestRecord, Underway } from "../types";
import { isPassing, pause } from "./pause";

/** How often the record is polled. After the first minute, the pauses grow ... */
const PAUSE = 2000;
/** ... up to this. */
const SLOWEST = 5000;
const MINUTE = 60_000;

/** A record with its account. */
export type Judged = IngestRecord & { answer: IngestAnswer };

/** A file that the server has. */
export type Sent = Pick<Underway, "id" | "state">;

/** What is reported of a record in progress. */
export type Seen = Pick<IngestRecord, "state" | "series_left" | "progress">;

/** Waits for the account. Null: the readings were still being stored, and nothing happened for a minute. */
export async function verdicts(
  sent: Sent,
  progress: (record: Seen) => void,
  signal: AbortSignal,
): Promise<Judged | null> {
  const begun = Date.now();
  let seen: Seen = { state: sent.state, series_left: 0 };
  let since = begun;
  progress(seen);
  for (;;) {
    const record = await look(sent.id, signal);
    const now = Date.now();
    if (record) {
      if (isJudged(record)) return record;
      if (!isSame(record, seen)) since = now;
      else if (record.state === "recording" && now - since >= MINUTE) return null;
      seen = record;
      progress(seen);
    }
    const slower = Math.max(1, (now - begun) / MINUTE);
    await pause(Math.min(PAUSE * slower, SLOWEST), signal);
  }
}

function isJudged(record: Seen): record is Judged {
  return "answer" in record && record.answer !== null;
}

function isSame(a: Seen, b: Seen): boolean {
  return a.state === b.state && a.series_left === b.series_left && a.progress?.read === b.progress?.read;
}

/** The record, or null if it cannot be loaded for the moment: the file is safe, and connections come and go. */
async function look(id: string, signal: AbortSignal): Promise<Seen | null> {
  try {
    return await get<IngestRecord>(`/api/ingests/${encodeURIComponent(id)}`, {}, signal);
  } catch (error) {
    // The record is only written once the file has been read.
    if (error instanceof ApiError && error.status === 404) return { state: "recording", series_left: 0 };
    if (isPassing(error)) return null;
    throw error;
  }
}
