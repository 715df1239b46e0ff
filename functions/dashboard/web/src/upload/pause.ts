// Waits that can be ended early.

import { ApiError } from "../api";
import type { Sent, Tell } from "./stage";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** Resolves after so many milliseconds, or when `wake` is called. Rejects when it is aborted. */
export function pause(milliseconds: number, signal: AbortSignal, wake?: EventTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      wake?.removeEventListener("wake", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
    wake?.addEventListener("wake", end);
    if (signal.aborted) end();
  });
}

export interface Waiting {
  tell: Tell;
  signal: AbortSignal;
  /** Ends a wait early. */
  wake: EventTarget;
}

/** Waits for a connection, longer each time. */
export class Patience {
  #waits = 0;

  /** Starts again with short waits. */
  renew(): void {
    this.#waits = 0;
  }

  async wait(so: Sent, { tell, signal, wake }: Waiting): Promise<void> {
    // Jitter, so that not all pages return to a restarted server at once.
    const wait = Math.min(FIRST_WAIT * 2 ** this.#waits, LONGEST_WAIT) * (0.8 + Math.random() * 0.4);
    this.#waits += 1;
    tell({ stage: "broken", ...so, next: Date.now() + wait });
    await pause(wait, signal, wake);
  }
}

/** Whether a retry may succeed: the connection or the server failed, and the request is not at fault. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}
