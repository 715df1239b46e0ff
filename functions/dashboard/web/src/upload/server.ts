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

export async function begin(file: File, site: string, signal: AbortSignal): Promise<Begun> {
  const query = { site, name: sourceName(file.name), bytes: file.size };
  const response = await send(address("/api/uploads", query), { method: "POST", signal });
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
