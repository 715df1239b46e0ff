// Requests to the API: the token, errors in the server's own words, and retries after a rate limit.

const TOKEN_KEY = "owsc-token";
/** How many times a rate-limited request is retried. */
const TRIES = 3;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null,
    readonly fields: { field: string; reason: string }[] = [],
    readonly details: unknown = null,
  ) {
    super(message);
  }
}

/** Kept for this tab only, and never in a URL. */
export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN_KEY),
  set: (value: string): void => sessionStorage.setItem(TOKEN_KEY, value),
  forget: (): void => sessionStorage.removeItem(TOKEN_KEY),
};

type AskForToken = (refused: boolean) => Promise<void>;
let askForToken: AskForToken = () => Promise.reject(new Error("nobody asks for a token yet"));
let asking: Promise<void> | null = null;

/** Sets the handler for a missing or wrong token; it resolves once there is a new one to try. */
export function onUnauthorized(ask: AskForToken): void {
  askForToken = ask;
}

export function authorization(): Record<string, string> {
  const value = token.get();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

/** Several requests refused at once open one dialog. */
export function needToken(refused: boolean): Promise<void> {
  asking ??= askForToken(refused).finally(() => {
    asking = null;
  });
  return asking;
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** A path with the parameters that have a value. */
export function address(path: string, query: Query = {}): string {
  const entries = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** Sends a request with the token, and retries if it is rate-limited. Rejects with an `ApiError` if it is refused. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const sent = token.get();
    const headers = { ...authorization(), ...init.headers };
    let response: Response;
    try {
      response = await fetch(url, { ...init, headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, "unreachable", "The server cannot be reached.", null);
    }
    if (response.status === 401) {
      // The token may have been entered while this request was in progress.
      if (token.get() === sent) await needToken(sent !== null);
      continue;
    }
    if (response.status === 429 && attempt < TRIES) {
      const seconds = Number(response.headers.get("Retry-After") ?? "1");
      await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(seconds, 0.2), 5) * 1000));
      continue;
    }
    if (!response.ok) throw refusal(response.status, await response.text());
    return response;
  }
}

/** The error in a response's body. */
export function refusal(status: number, body: string): ApiError {
  try {
    const { error } = JSON.parse(body) as { error: Record<string, unknown> };
    const details = error.details as { fields?: { field: string; reason: string }[] } | null;
    const requestId = typeof error.request_id === "string" ? error.request_id : null;
    return new ApiError(status, String(error.code), String(error.message), requestId, details?.fields ?? [], details);
  } catch {
    return new ApiError(status, "unknown", `The server answered with status ${status}.`, null);
  }
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path, query), { signal: signal ?? null });
  return (await response.json()) as T;
}

export async function getText(path: string, query: Query = {}): Promise<string> {
  return (await send(address(path, query), {})).text();
}

export async function submit<T>(
  method: "POST" | "PUT" | "DELETE",
  path: string,
  body: unknown,
  condition: Record<string, string> = {},
): Promise<T> {
  const isEmpty = body === undefined;
  const headers = { ...(isEmpty ? {} : { "Content-Type": "application/json" }), ...condition };
  const response = await send(path, { method, headers, body: isEmpty ? null : JSON.stringify(body) });
  return (await response.json()) as T;
}

/** Reads all pages of a list. */
export async function all<T, P extends { next: string | null }>(
  path: string,
  query: Query,
  items: (page: P) => T[],
  most = Number.POSITIVE_INFINITY,
): Promise<{ first: P; items: T[] }> {
  const first = await get<P>(path, query);
  const found = items(first);
  let next = first.next;
  while (next !== null && found.length < most) {
    const page = await get<P>(path, { ...query, cursor: next });
    found.push(...items(page));
    next = page.next;
  }
  return { first, items: found };
}
