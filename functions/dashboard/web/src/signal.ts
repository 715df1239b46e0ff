// A value that tells when it changes.

export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** Calls back on every change, and returns the way to end that. */
  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The same, and at once with the value as it is. */
  watch(listener: (value: T) => void): () => void {
    listener(this.#value);
    return this.listen(listener);
  }
}

/** Something asked for. */
export type Load<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "failed"; error: unknown };
