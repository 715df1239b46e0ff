// One part of a file on its way. `fetch` tells nothing of what it has sent.

import { authorization, needToken, refusal, token } from "../api";
import { pause } from "./pause";

/** A connection on which nothing moves for so long is taken for broken. */
const STALLED = 30_000;
/** Once all bytes have left, the other end has to write them. */
const ANSWER_WITHIN = 120_000;
/** What the server says of the part itself: it would say so again. */
const FINAL = [400, 403, 411, 413, 415, 422];

/** A part did not arrive. The next time it may. */
export class Broken extends Error {}

/** Sends a part; `sent` is told how much of it has left. Rejects with `Broken`, or with what the server refuses. */
export async function put(url: string, bytes: Blob, sent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  // The store of parts has its own permission in the address; a token is nothing for strangers.
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

/** How long to wait, in milliseconds, after an answer that asks for it. */
export function retryAfter(request: XMLHttpRequest): number {
  // A store does not let pages read its headers, and browsers complain when they are asked for.
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
