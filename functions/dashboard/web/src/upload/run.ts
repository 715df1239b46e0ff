// The whole way of one file: sent in parts or in one piece, and then followed until it is judged.

import { ApiError } from "../api";
import { MEGABYTE, sizeText } from "../format";
import { reloadSites } from "../model";
import type { UploadDocument } from "../types";
import type { Job } from "./job";
import { sendParts } from "./parts";
import { isPassing, Patience, pause, type Waiting } from "./pause";
import { send } from "./send";
import { begin, look } from "./server";
import type { Outcome } from "./stage";
import { type Judged, type Seen, type Sent, verdicts } from "./verdicts";

/** Larger files go in parts, which can be resumed; smaller ones arrive sooner in one piece. */
const IN_PARTS_FROM = 5 * MEGABYTE;
/** No host accepts more than this in one piece, by default. */
const IN_PARTS_AT_LEAST = 64 * MEGABYTE;
/** How often the server is polled; after some seconds, less often. */
const PAUSE = 1000;
const SLOWEST = 5000;

/** Whether this host accepts files in one piece only; null until it was asked. */
let isInOnePieceOnly: boolean | null = null;

/** Statuses about the file itself: a retry would get the same. */
const REFUSALS = [400, 403, 411, 413, 415, 422];

/** Uploads a file. `sent` is called once all of it has left this computer. */
export async function run(job: Job, sent: () => void): Promise<Outcome> {
  let isSent = false;
  const allSent = () => {
    isSent = true;
    sent();
  };
  try {
    return await through(job, allSent);
  } catch (error) {
    if (job.signal.aborted) throw error;
    if (!(error instanceof ApiError)) return { kind: "failed", error };
    if (!isSent && REFUSALS.includes(error.status)) return { kind: "refused", error };
    if (error.status !== 404 || !job.kept) return { kind: "failed", error };
    // Nothing of it can be resumed: the next try starts anew.
    job.forget();
    return { kind: "failed", error: new Error(GONE) };
  }
}

const GONE = "The server no longer has this upload. If it was taken in meanwhile, it is among the files.";

async function through(job: Job, sent: () => void): Promise<Outcome> {
  const { kept } = job;
  if (kept?.upload) return followed(job, await resumed(job, kept.upload, sent));
  if (kept?.ingest) {
    sent();
    return judged(job, { id: kept.ingest, state: "recording" });
  }
  const upload = goesInParts(job) ? await begun(job) : null;
  if (upload) return followed(job, await inParts(job, upload, sent));
  return whole(job, sent);
}

/** A file that the API for parts cannot describe goes in one piece, however large. */
function goesInParts({ file, size, strict, again }: Job): boolean {
  return file !== null && size > IN_PARTS_FROM && !strict && !again && isInOnePieceOnly !== true;
}

/** Null: this host has no inbox for parts. */
async function begun(job: Job): Promise<UploadDocument | null> {
  const so = { sent: 0, of: job.size };
  const waiting = waitingOf(job);
  for (const patience = new Patience(); ; ) {
    job.stage.set({ stage: "sending", ...so, perSecond: null });
    try {
      const { upload, at } = await begin(job.file as File, job.site, job.signal);
      isInOnePieceOnly = false;
      job.keep({ at, upload: upload.id });
      return upload;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return inOnePiece(job, error);
      if (isOfPlace(job, error)) return null;
      if (!isPassing(error)) throw error;
      await patience.wait(so, waiting);
    }
  }
}

/** Names of sites and files that a folder cannot have: such a file can be sent in one piece, if it is not too large. */
function isOfPlace({ size }: Job, error: unknown): boolean {
  return error instanceof ApiError && error.status === 422 && size <= IN_PARTS_AT_LEAST;
}

function inOnePiece(job: Job, error: ApiError): null {
  isInOnePieceOnly = true;
  const most = (error.details as { max_bytes?: number } | null)?.max_bytes;
  if (most !== undefined && job.size > most) throw tooLarge(job, most);
  return null;
}

function waitingOf({ stage, signal, wake }: Job): Waiting {
  return { tell: (now) => stage.set(now), signal, wake };
}

/** Why a file that is too large for one piece had to go in one. Its decompressed size counts. */
function tooLarge(job: Job, most: number | null): ApiError {
  const takes = most === null ? "smaller ones only" : `up to ${sizeText(most)} after unpacking`;
  const has = most !== null && job.size > most ? `, and this one has ${sizeText(job.size)}` : "";
  return new ApiError(413, "too_large", `${whyInOnePiece(job)}: ${takes}${has}.`, null);
}

function whyInOnePiece({ strict, again }: Job): string {
  if (strict) return "A file that is to be refused whole if one row is bad goes in one piece";
  if (again) return "A file that is to be taken in again goes in one piece";
  return isInOnePieceOnly ? "This host takes files in one piece" : "Files and sites of such a name go in one piece";
}

async function inParts(job: Job, upload: UploadDocument, sent: () => void): Promise<UploadDocument> {
  const there = await sendParts(upload, { file: job.file as File, ...waitingOf(job) });
  sent();
  return there;
}

/** An upload that was started before. It resumes with the file, which is needed until all of it has arrived. */
async function resumed(job: Job, id: string, sent: () => void): Promise<UploadDocument> {
  const upload = await look(id, job.signal);
  if (upload.state === "receiving") {
    if (!job.file) throw new Error("The server does not have all of the file. Choose it once more.");
    return inParts(job, upload, sent);
  }
  sent();
  return upload;
}

/** Waits until the server has ingested the file, or refused it. */
async function followed(job: Job, there: UploadDocument): Promise<Outcome> {
  const since = Date.now();
  let upload = there;
  for (;;) {
    if (upload.state === "refused") return { kind: "refused", error: refusalOf(upload) };
    if (upload.ingest !== null && (upload.state === "judging" || upload.state === "done")) {
      return judged(job, { id: upload.ingest, state: "judging" });
    }
    job.stage.set(
      upload.state === "waiting" ? { stage: "waiting" } : { stage: "recording", progress: upload.progress },
    );
    await pause(Math.min(Math.max(PAUSE, (Date.now() - since) / 10), SLOWEST), job.signal);
    upload = (await lookPatiently(upload.id, job.signal)) ?? upload;
  }
}

/** Null: no answer for the moment. The file is safe, and connections come and go. */
async function lookPatiently(id: string, signal: AbortSignal): Promise<UploadDocument | null> {
  try {
    return await look(id, signal);
  } catch (error) {
    if (isPassing(error)) return null;
    throw error;
  }
}

function refusalOf({ error }: UploadDocument): ApiError {
  return new ApiError(
    422,
    error?.code ?? "refused",
    error?.message ?? "The file was refused.",
    null,
    [],
    error?.details,
  );
}

async function whole(job: Job, sent: () => void): Promise<Outcome> {
  const { file, site, strict, again, signal } = job;
  try {
    const wanted = { file: file as File, site, strict, again };
    const answer = await send(wanted, (stage) => job.stage.set(stage), signal);
    sent();
    if (!("state" in answer)) return { kind: "account", answer };
    job.keep({ at: Date.now(), ingest: answer.id });
    return await judged(job, answer);
  } catch (error) {
    const isTooLarge = error instanceof ApiError && error.status === 413 && job.size > IN_PARTS_FROM;
    if (!isTooLarge || error.code === "too_many_rows") throw error;
    throw tooLarge(job, (error.details as { max_bytes?: number } | null)?.max_bytes ?? null);
  }
}

async function judged(job: Job, underway: Sent): Promise<Outcome> {
  let isStored = false;
  const tell = ({ state, series_left: left, progress }: Seen) => {
    job.stage.set(
      state === "recording" ? { stage: "recording", progress: progress ?? null } : { stage: "judging", left },
    );
    // From now on its sites exist. If the refresh fails now, they come with the account.
    if (state === "judging" && !isStored) void reloadSites().catch(() => undefined);
    isStored = state === "judging";
  };
  const record = await verdicts(underway, tell, job.signal);
  return record ? { kind: "account", answer: answerOf(job, record) } : { kind: "interrupted" };
}

/** The record tells how the file was ingested the first time; an answer tells whether it was known. */
function answerOf({ kept }: Job, { answer, received_at }: Judged): Judged["answer"] {
  if (!kept?.upload || Date.parse(received_at) >= kept.at) return answer;
  const message = `This file is known: it was taken in at ${received_at}. Nothing was changed.`;
  return { ...answer, status: "known", message };
}
