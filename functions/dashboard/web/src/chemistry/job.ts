// A fit that is worked out on the server: asked for, looked at until it is over, and cancelled.

import { get, submit } from "../api";
import { isPassing, pause } from "../upload/pause";
import type { Job, Wanted } from "./types";

const LOOK_EVERY = 400;
const PATH = "/api/chemistry/fit";

export class Fitting {
  readonly #stop = new AbortController();

  get isCancelled(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    this.#stop.abort();
  }

  /** Resolves with the fit once it is over, and with nothing if it is cancelled. `told` hears how far it is until then. */
  async run(wanted: Wanted, told: (job: Job) => void): Promise<Job | null> {
    // To its end, whatever happens meanwhile: without an id nobody could cancel it.
    let job = await submit<Job>("POST", PATH, wanted);
    while (!this.isCancelled && (job.state === "waiting" || job.state === "running")) {
      told(job);
      job = (await this.#look(job.id)) ?? job;
    }
    if (!this.isCancelled) return job;
    // If it does not arrive, the fit ends by itself.
    if (job.state === "waiting" || job.state === "running")
      void submit("DELETE", `${PATH}/${job.id}`, undefined).catch(() => {});
    return null;
  }

  /** How far it is a moment later; nothing if that cannot be said now. */
  async #look(id: string): Promise<Job | null> {
    const { signal } = this.#stop;
    try {
      await pause(LOOK_EVERY, signal);
      return await get<Job>(`${PATH}/${id}`, {}, signal);
    } catch (error) {
      if (this.isCancelled || isPassing(error)) return null;
      throw error;
    }
  }
}
