// All files that are on their way, whatever view is looked at. They leave one after the other, so that each has the whole
// connection; what the server does with them goes on at the same time.

import { ApiError } from "../api";
import { refresh, reloadSites } from "../model";
import { Signal } from "../signal";
import { Job, type Wanted } from "./job";
import * as kept from "./kept";
import { run } from "./run";
import { giveUp, look } from "./server";
import type { Outcome } from "./stage";

/** In the order in which they were given, with those that are over and were not put away. */
export const jobs = new Signal<Job[]>([]);
/** The last one that is over. */
export const ended = new Signal<Job | null>(null);

/** Who gives an upload up is not kept waiting for a connection that is gone. */
const LOOK_WITHIN = 3000;

let leaving: Job | null = null;

/** Takes files in. One that was interrupted before goes on where it was. */
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

/** Tries once more what did not come through. */
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
    // It was given up.
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
  // What is shown elsewhere follows; if it does not now, live events bring it.
  await Promise.allSettled([reloadSites(), refresh(true)]);
}

/** Whether it can still be given up. What the server has all of is taken in, and can be withdrawn among the files. */
export function canGiveUp(job: Job): boolean {
  const { stage } = job.stage.get();
  // What went in one piece and is in the ledger is there.
  const isUnfinished = job.outcome?.kind === "failed" && job.kept !== null && job.kept.ingest === null;
  return job.isSending || stage === "wanted" || stage === "taking" || isUnfinished;
}

/** Gives an upload up. Resolves with what can be said of it; rejects if it is too late. */
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

/** Whether a server that answers has all of an upload. */
async function isTaken(upload: string): Promise<boolean> {
  try {
    return (await look(upload, AbortSignal.timeout(LOOK_WITHIN))).state !== "receiving";
  } catch {
    return false;
  }
}

/** Puts away a file that is over. */
export function remove(job: Job): void {
  job.forget();
  jobs.set(jobs.get().filter((one) => one !== job));
}

/** Shows what earlier pages left, and follows what needs no file any more. */
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
    // What the server no longer has cannot be gone on with. If it does not answer now, the next page asks again.
    if (error instanceof ApiError && error.status === 404) job.forget();
    else job.release();
  }
}

// The system says that there is a network again: no need to wait longer.
window.addEventListener("online", () => {
  for (const job of jobs.get()) job.wake.dispatchEvent(new Event("wake"));
});

// Who leaves the page has to choose the file again.
window.addEventListener("beforeunload", (event) => {
  if (jobs.get().some((job) => job.isSending)) event.preventDefault();
});
