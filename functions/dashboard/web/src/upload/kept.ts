// What a page that is loaded anew has to know of uploads that are not over. Kept by the browser, so that it outlives the
// tab; never the file itself, which pages cannot keep, and never a token.

const KEY = "owsc-uploads";
/** So many are kept; who has more of them has forgotten them. */
const MOST = 20;

export interface Kept {
  name: string;
  size: number;
  /** When the file was last changed, in milliseconds: another one of that name and size is not taken for it. */
  modified: number;
  site: string;
  /** When it began, by the server's clock in milliseconds. */
  at: number;
  /** The id of the upload; null for a file that was sent in one piece. */
  upload: string | null;
  /** The file's id in the ledger, once that is known. */
  ingest: string | null;
}

/** What identifies it. */
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

/** Keeps it, in place of what was kept of it. */
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
    // A browser that keeps nothing: the upload goes on all the same, and only a reload ends it.
  }
}

/**
 * Whether no other tab has it. It is this tab's until it is let go: by the function that is returned, or when the tab is
 * closed. Pages that came over a plain connection cannot ask, and take it.
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
