// Sends one part of a file. `fetch` reports no upload progress.

import { authorization, needToken, refusal, token } from "../api";
import { pause } from "./pause";

/** A connection on which nothing moves for so long counts as broken. */
const STALLED = 30_000;
/** Once all bytes are sent, the other end still has to write them. */
const ANSWER_WITHIN = 120_000;
/** Statuses about the part itself: a retry would get the same. */
const FINAL = [400, 403, 411, 413, 415, 422];

/** A part did not arrive. A retry may succeed. */
export class Broken extends Error {}

/** Sends a part; `sent` is called with the bytes sent. Rejects with `Broken`, or with the server's refusal. */
export async function put(url: string, bytes: Blob, sent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  // The URLs of the store for parts carry their own permission; the token must not go to another host.
  const isOwn = url.startsWith("/");
  for (;;) {
    const used = token.get();
    const answer = await transfer(url, bytes, isOwn ? authorization() : {}, sent, signal);
    if (answer.status >= 200 && answer.status < 300) return;
    sent(0);
    if (isOwn && answer.status === 401) {
      if (token.get() === used) await needToken(used !== null);
    } else if (answer.status === 429) {
      await pause(answer.retryAfter, signal);
    } else if (isOwn && FINAL.includes(answer.status)) {
      throw refusal(answer.status, answer.text);
    } else {
      throw new Broken(`A part of the file was answered with status ${answer.status}.`);
    }
  }
}

/** How long to wait, in milliseconds, if the answer says so. */
export function retryAfter(request: XMLHttpRequest): number {
  // A store does not let pages read its headers, and browsers log an error when they try.
  const seconds = request.status === 429 ? Number(request.getResponseHeader("Retry-After") ?? "1") : 0;
  return Math.min(Math.max(seconds || 1, 0.2), 30) * 1000;
}

export interface Answer {
  status: number;
  text: string;
  /** In milliseconds. */
  retryAfter: number;
}

function transfer(
  url: string,
  bytes: Blob,
  headers: Record<string, string>,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout>;
    const abort = () => request.abort();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    const expect = (within: number) => {
      clearTimeout(timer);
      timer = setTimeout(abort, within);
    };
    const broken = () => {
      end();
      reject(signal.aborted ? signal.reason : new Broken("The connection was lost while a part was sent."));
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      expect(STALLED);
      sent(Math.min(event.loaded, bytes.size));
    });
    request.upload.addEventListener("load", () => expect(ANSWER_WITHIN));
    request.addEventListener("load", () => {
      end();
      const { status, responseText: text } = request;
      resolve({ status, text, retryAfter: retryAfter(request) });
    });
    request.addEventListener("error", broken);
    request.addEventListener("abort", broken);
    signal.addEventListener("abort", abort);
    expect(STALLED);
    request.send(bytes);
    if (signal.aborted) abort();
  });
}
