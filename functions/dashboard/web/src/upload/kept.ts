// What a reloaded page needs to know of unfinished uploads. The browser stores it, so that it outlives the tab; never
// the file itself, which pages cannot store, and never a token.

const KEY = "owsc-uploads";
/** The most that are stored; a user with more has forgotten them. */
const MOST = 20;

export interface Kept {
  name: string;
  size: number;
  /** When the file was last changed, in milliseconds: tells it from another file of that name and size. */
  modified: number;
  site: string;
  /** When it started, by the server's clock in milliseconds. */
  at: number;
  /** The id of the upload; null for a file that was sent in one piece. */
  upload: string | null;
  /** The file's id in the ledger, once that is known. */
  ingest: string | null;
}

/** Its key. */
function idOf(kept: Kept): string {
  return kept.upload ?? kept.ingest ?? "";
}

export function all(): Kept[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(value: unknown): value is Kept {
  const { name, size, modified, site, at } = (value ?? {}) as Partial<Kept>;
  const isFile = typeof name === "string" && typeof size === "number" && typeof modified === "number";
  return isFile && typeof site === "string" && typeof at === "number";
}

/** Stores it, replacing an earlier state. */
export function keep(kept: Kept): void {
  write([...others(kept), kept]);
}

export function forget(kept: Kept): void {
  write(others(kept));
}

function others(kept: Kept): Kept[] {
  return all().filter((one) => idOf(one) !== idOf(kept));
}

function write(list: Kept[]): void {
  try {
    if (list.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(list.slice(-MOST)));
  } catch {
    // If the browser stores nothing, the upload continues all the same; only a reload ends it.
  }
}

/**
 * Whether no other tab has it. It is this tab's until it is released: by the returned function, or when the tab is
 * closed. Pages without a secure context cannot ask for a lock, and claim it.
 */
export function hold(kept: Kept): Promise<(() => void) | null> {
  if (!("locks" in navigator)) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    void navigator.locks.request(`${KEY}/${idOf(kept)}`, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise<void>((letGo) => resolve(letGo));
    });
  });
}
