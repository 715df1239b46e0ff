// The rate of sending: over the last seconds, since connections change.

const WINDOW = 15_000;
/** Any earlier, the rate would say more about the start than about the connection. */
const LEAST = 2000;

export class Rate {
  #samples: { at: number; sent: number }[] = [];

  note(sent: number, now = performance.now()): void {
    // A part that is sent again counts from there.
    if (sent < (this.#samples.at(-1)?.sent ?? 0)) this.#samples = [];
    // Browsers report progress twenty times a second.
    if (now - (this.#samples.at(-2)?.at ?? 0) < 200) this.#samples.pop();
    this.#samples.push({ at: now, sent });
    while ((this.#samples[0]?.at ?? now) < now - WINDOW) this.#samples.shift();
  }

  /** Bytes a second; null until it is known. */
  get perSecond(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < LEAST) return null;
    const rate = ((last.sent - first.sent) / (last.at - first.at)) * 1000;
    return rate > 0 ? rate : null;
  }
}
