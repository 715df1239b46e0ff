// The server's side of an upload in parts.

import { address, get, send, submit } from "../api";
import type { UploadDocument } from "../types";
import { sourceName } from "./send";

const path = (id: string) => `/api/uploads/${encodeURIComponent(id)}`;

/** An upload, and when it started, by the server's clock in milliseconds. */
export interface Begun {
  upload: UploadDocument;
  at: number;
}

/**
 * Starts an upload. A user who cancels meanwhile does not wait for the answer; if the server started it all the same,
 * it is cancelled as soon as its id is known.
 */
export async function begin(file: File, site: string, signal: AbortSignal): Promise<Begun> {
  signal.throwIfAborted();
  const begun = post(file, site);
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      // The user is gone and cannot be told of a failure; the server drops the upload in a week.
      begun.then(({ upload }) => giveUp(upload.id)).catch(() => undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    begun.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function post(file: File, site: string): Promise<Begun> {
  const query = { site, name: sourceName(file.name), bytes: file.size };
  const response = await send(address("/api/uploads", query), { method: "POST" });
  const at = Date.parse(response.headers.get("Date") ?? "");
  return { upload: (await response.json()) as UploadDocument, at: Number.isNaN(at) ? Date.now() : at };
}

export function look(id: string, signal: AbortSignal): Promise<UploadDocument> {
  return get<UploadDocument>(path(id), {}, signal);
}

/** Says that all parts are there. */
export function complete(id: string): Promise<UploadDocument> {
  return submit<UploadDocument>("POST", `${path(id)}/complete`, undefined);
}

/** Deletes what the server has of the file. */
export async function giveUp(id: string): Promise<void> {
  await send(path(id), { method: "DELETE" });
}
