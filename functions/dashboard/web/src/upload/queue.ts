// All uploads in progress, whatever view is open. Files are sent one after the other, so that each has the whole
// connection; the server processes them at the same time.

import { ApiError } from "../api";
import { refresh, reloadSites } from "../model";
import { Signal } from "../signal";
import { Job, type Wanted } from "./job";
import * as kept from "./kept";
import { run } from "./run";
import { giveUp, look } from "./server";
import type { Outcome } from "./stage";

/** In the order in which they were added, including finished ones until they are dismissed. */
export const jobs = new Signal<Job[]>([]);
/** The last finished one. */
export const ended = new Signal<Job | null>(null);

/** A user who cancels an upload is not kept waiting for a dead connection. */
const LOOK_WITHIN = 3000;

let leaving: Job | null = null;

/** Adds files. An interrupted upload of the same file is resumed. */
export function add(wanted: Wanted[]): void {
  const begun: Job[] = [];
  for (const one of wanted) {
    const job = one.strict || one.again ? undefined : interrupted().find((known) => known.matches(one.file));
    if (job) resume(job, one.file);
    else begun.push(new Job(one));
  }
  jobs.set([...jobs.get(), ...begun]);
  next();
}

function interrupted(): Job[] {
  return jobs.get().filter((job) => job.stage.get().stage === "wanted" && job.file === null);
}

/** Gives an interrupted upload its file back. */
export function resume(job: Job, file: File): void {
  job.file = file;
  job.stage.set({ stage: "queued" });
  next();
}

/** Retries a failed upload. */
export function again(job: Job): void {
  job.renew({ stage: "queued" });
  jobs.set(jobs.get());
  next();
}

function next(): void {
  const job = leaving ? undefined : jobs.get().find((one) => one.stage.get().stage === "queued");
  if (!job) return;
  leaving = job;
  void bring(job);
}

async function bring(job: Job): Promise<void> {
  const left = () => {
    if (leaving !== job) return;
    leaving = null;
    next();
  };
  try {
    await over(job, await run(job, left));
  } catch {
    // It was cancelled.
  } finally {
    left();
  }
}

async function over(job: Job, outcome: Outcome): Promise<void> {
  if (outcome.kind !== "failed") job.forget();
  job.stage.set({ stage: "over", outcome });
  ended.set(job);
  jobs.set(jobs.get());
  if (outcome.kind !== "account") return;
  // Other views are refreshed; if that fails now, live events will do it.
  await Promise.allSettled([reloadSites(), refresh(true)]);
}

/**
 * Whether it can still be cancelled. Once the server has all of it, it is ingested, and can be withdrawn in the list of
 * files.
 */
export function canGiveUp(job: Job): boolean {
  const { stage } = job.stage.get();
  // A file that was sent in one piece and is in the ledger has arrived.
  const isUnfinished = job.outcome?.kind === "failed" && job.kept !== null && job.kept.ingest === null;
  return job.isSending || stage === "wanted" || stage === "taking" || isUnfinished;
}

/** Cancels an upload. Resolves with a message; rejects if it is too late. */
export async function cancel(job: Job): Promise<string> {
  const upload = job.kept?.upload ?? null;
  const { stage } = job.stage.get();
  if (upload === null) {
    job.stop();
    remove(job);
    const mayBeThere = stage === "taking" || stage === "sending";
    return mayBeThere ? "No longer sent. If the server had all of it by then, it is among the files." : GIVEN_UP;
  }
  if (await isTaken(upload)) {
    if (job.outcome === null) throw new Error("The server has all of it by now, and takes it in.");
    remove(job);
    return "Put away here. The server has all of it, and takes it in.";
  }
  job.stop();
  remove(job);
  try {
    await giveUp(upload);
    return GIVEN_UP;
  } catch {
    return "Given up here. The server could not be told, and drops what it has in a week.";
  }
}

const GIVEN_UP = "Given up. Nothing of it is kept.";

/** Whether the server, if it answers, has all of an upload. */
async function isTaken(upload: string): Promise<boolean> {
  try {
    return (await look(upload, AbortSignal.timeout(LOOK_WITHIN))).state !== "receiving";
  } catch {
    return false;
  }
}

/** Dismisses a finished upload. */
export function remove(job: Job): void {
  job.forget();
  jobs.set(jobs.get().filter((one) => one !== job));
}

/** Shows the uploads of earlier pages, and follows those that no longer need their file. */
export async function takeUp(): Promise<void> {
  await Promise.allSettled(kept.all().map(takeUpOne));
  next();
}

async function takeUpOne(known: kept.Kept): Promise<void> {
  const job = new Job(known, { stage: "queued" });
  if (!(await job.hold())) return;
  try {
    const upload = known.upload === null ? null : await look(known.upload, job.signal);
    if (upload?.state === "receiving") job.stage.set({ stage: "wanted", sent: upload.received, of: upload.bytes });
    jobs.set([...jobs.get(), job]);
  } catch (error) {
    // An upload that the server no longer has cannot be resumed. If the server does not answer now, the next page asks
    // again.
    if (error instanceof ApiError && error.status === 404) job.forget();
    else job.release();
  }
}

// The system reports that the network is back: end the waits.
window.addEventListener("online", () => {
  for (const job of jobs.get()) job.wake.dispatchEvent(new Event("wake"));
});

// A user who leaves the page has to choose the file again.
window.addEventListener("beforeunload", (event) => {
  if (jobs.get().some((job) => job.isSending)) event.preventDefault();
});
