// A value with subscribers.

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

  /** Calls back on every change, and returns a function to unsubscribe. */
  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The same, but also calls back at once with the current value. */
  watch(listener: (value: T) => void): () => void {
    listener(this.#value);
    return this.listen(listener);
  }
}

/** A value that is being loaded. */
export type Load<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "failed"; error: unknown };
