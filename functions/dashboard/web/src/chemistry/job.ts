// A fit that the server computes: requested, polled until it is done, and cancelled.

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

  /** The user has cancelled. */
  cancel(): void {
    this.#stop.abort();
  }

  /** Resolves with the finished fit, or with nothing if it was cancelled. `told` is called with its progress. */
  async run(wanted: Wanted, told: (job: Job) => void): Promise<Job | null> {
    // Let the request finish in any case: without the id, the fit could not be cancelled.
    let job = await submit<Job>("POST", PATH, wanted);
    while (!this.isCancelled && (job.state === "waiting" || job.state === "running")) {
      told(job);
      job = (await this.#look(job.id)) ?? job;
    }
    if (!this.isCancelled) return job;
    // If this request is lost, the fit ends by itself.
    if (job.state === "waiting" || job.state === "running")
      void submit("DELETE", `${PATH}/${job.id}`, undefined).catch(() => {});
    return null;
  }

  /** The next state of the fit; nothing if the server cannot be reached for the moment. */
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
