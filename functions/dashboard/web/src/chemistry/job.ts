// A fit that is worked out on the server: asked for, looked at until it is over, and cancelled.

import { get, submit } from "../api";
import type { Job, Wanted } from "./types";

const LOOK_EVERY = 400;
const PATH = "/api/chemistry/fit";

export class Fitting {
  #id: string | null = null;
  #isOver = false;

  /** Resolves with the fit once it is over; `told` hears how far it is until then. */
  async run(wanted: Wanted, told: (job: Job) => void): Promise<Job | null> {
    let job = await submit<Job>("POST", PATH, wanted);
    this.#id = job.id;
    // Cancelled before there was an id to say it by.
    if (this.#isOver) void this.#remove();
    while (!this.#isOver && (job.state === "waiting" || job.state === "running")) {
      told(job);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
      job = await get<Job>(`${PATH}/${job.id}`);
    }
    return this.#isOver ? null : job;
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    this.#isOver = true;
    if (this.#id !== null) void this.#remove();
  }

  async #remove(): Promise<void> {
    try {
      await submit<Job>("DELETE", `${PATH}/${this.#id}`, undefined);
    } catch {
      // It ends by itself.
    }
  }
}
