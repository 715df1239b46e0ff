// Sends a file in one piece, with its progress. `fetch` reports no upload progress.

import { type ApiError, address, authorization, needToken, refusal, token } from "../api";
import { MEGABYTE } from "../format";
import type { IngestAnswer, Underway } from "../types";
import type { Wanted } from "./job";
import { pause } from "./pause";
import { type Answer, retryAfter } from "./put";
import { Rate } from "./rate";
import type { Tell } from "./stage";

/** Larger files are compressed: CSV shrinks to a fifth, and gateways accept bodies of 10 MB at most. */
const COMPRESS_FROM = 512 * 1024;
/**
 * Larger files are not compressed: the result is held in memory, and no host accepts so much in one piece by default.
 */
const COMPRESS_TO = 256 * MEGABYTE;

/** Sends a file; rejects with an `ApiError` if it is refused as a whole. Verdicts that take long come later. */
export async function send(upload: Wanted, progress: Tell, signal: AbortSignal): Promise<IngestAnswer | Underway> {
  const isGzip = /\.gz$/i.test(upload.file.name);
  const isOfSize = upload.file.size >= COMPRESS_FROM && upload.file.size <= COMPRESS_TO;
  const packs = !isGzip && isOfSize && "CompressionStream" in window;
  if (packs) progress({ stage: "packing" });
  const body = packs ? await compressed(upload.file) : upload.file;
  signal.throwIfAborted();
  const headers: Record<string, string> = { "Content-Type": isGzip ? "application/gzip" : "text/csv" };
  if (packs) headers["Content-Encoding"] = "gzip";
  const query = {
    site: upload.site,
    strict: upload.strict,
    again: upload.again || null,
    source: sourceName(upload.file.name),
  };
  for (;;) {
    signal.throwIfAborted();
    const sent = token.get();
    const { status, text, retryAfter } = await post(
      address("/api/ingest", query),
      body,
      { ...headers, ...authorization() },
      progress,
      signal,
    );
    if (status === 200) return JSON.parse(text) as IngestAnswer;
    if (status === 202) return JSON.parse(text) as Underway;
    if (status === 429) await pause(retryAfter, signal);
    else if (status !== 401) throw refusal(status, text);
    else if (token.get() === sent) await needToken(sent !== null);
  }
}

/** The name for the ledger, which accepts 200 bytes without control characters. */
export function sourceName(name: string): string {
  let text = name.replace(/\p{Cc}/gu, " ");
  while (new TextEncoder().encode(text).length > 200) text = text.slice(0, -1);
  return text;
}

function compressed(file: File): Promise<Blob> {
  return new Response(file.stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

function post(
  url: string,
  body: Blob,
  headers: Record<string, string>,
  progress: Tell,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const rate = new Rate();
    const sending = (sent: number, of: number) => {
      rate.note(sent);
      progress({ stage: "sending", sent, of, perSecond: rate.perSecond });
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => sending(event.loaded, event.total || body.size));
    request.upload.addEventListener("load", () => progress({ stage: "taking" }));
    request.addEventListener("load", () =>
      resolve({ status: request.status, text: request.responseText, retryAfter: retryAfter(request) }),
    );
    const lost: ApiError = refusal(
      0,
      '{"error":{"code":"unreachable","message":"The connection was lost before the server answered. The same file can be sent again: nothing is taken in twice."}}',
    );
    request.addEventListener("error", () => reject(lost));
    request.addEventListener("abort", () => reject(new DOMException("The upload was stopped.", "AbortError")));
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
    sending(0, body.size);
    request.send(body);
  });
}
