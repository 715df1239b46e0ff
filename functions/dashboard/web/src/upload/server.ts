// The server's side of a file that comes in parts.

import { address, get, send, submit } from "../api";
import type { UploadDocument } from "../types";
import { sourceName } from "./send";

const path = (id: string) => `/api/uploads/${encodeURIComponent(id)}`;

/** An upload that has begun, and when, by the server's clock in milliseconds. */
export interface Begun {
  upload: UploadDocument;
  at: number;
}

/**
 * Begins an upload. Who stops meanwhile does not wait for the answer; what the server has begun all the same is given up
 * as soon as it is known.
 */
export async function begin(file: File, site: string, signal: AbortSignal): Promise<Begun> {
  signal.throwIfAborted();
  const begun = post(file, site);
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      // Who is gone cannot be told that it failed; the server drops it in a week.
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

/** The server forgets what it has of the file. */
export async function giveUp(id: string): Promise<void> {
  await send(path(id), { method: "DELETE" });
}
