// The connection for live events: it reconnects by itself and resumes where it was, without gaps or repeats.

import { token } from "./api";
import { Signal } from "./signal";
import type { Alert, Moment, Qualifier } from "./types";

export type Connection = "connecting" | "live" | "reconnecting" | "offline";

export type LiveEvent = { seq: number } & (
  | {
      type: "reading";
      site: string;
      outfall?: string;
      species?: string;
      parameter?: string;
      concentration?: number;
      value?: number;
      unit?: string;
      qualifier?: Qualifier;
      time: Moment;
    }
  | { type: "readings"; series: { series: string }[] }
  | { type: "alerts"; alerts: Alert[]; withdrawn: string[]; omitted?: number }
  | { type: "ingest"; ingest?: string; source?: string }
  | { type: "removed" }
  | { type: "omitted" }
);

interface Frame {
  type: string;
  seq?: number;
  lost?: number;
  reset?: boolean;
}

/** The first retries follow quickly: a restarting server is back in a second. */
const FIRST_DELAY = 300;
const LONGEST_DELAY = 15_000;
/** Nobody should read "Live" above a dead connection for more than a glance: it is detected within 15 seconds. */
const PING_EVERY = 10_000;
const ANSWER_WITHIN = 5000;
/** While the tab is hidden, the connection only has to stay open: API Gateway closes it after ten idle minutes. */
const PING_UNSEEN_EVERY = 60_000;
/** Events are delivered in batches, so that a flood of readings leaves the page time to draw. */
const BATCH_EVERY = 40;

/**
 * The subprotocol that carries the token, as base64url, because a token may contain characters that a subprotocol may
 * not.
 */
function carrier(secret: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(secret));
  const encoded = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `owsc.bearer64.${encoded}`;
}

export class Live {
  readonly connection = new Signal<Connection>("connecting");
  #socket: WebSocket | null = null;
  #site: string | null = null;
  #after = 0;
  #delay = FIRST_DELAY;
  /** When the server last sent anything. */
  #heard = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #silence: ReturnType<typeof setTimeout> | null = null;
  #waiting: LiveEvent[] = [];
  #flush: ReturnType<typeof setTimeout> | null = null;

  /** `events` receives events in order. `gap` is called if events have expired: everything shown must be reloaded. */
  constructor(
    readonly events: (events: LiveEvent[]) => void,
    readonly gap: () => void,
  ) {
    setInterval(() => this.#pingIfSilent(), PING_EVERY / 2);
    window.addEventListener("online", () => this.#retryNow());
    window.addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#retryNow();
    });
  }

  /** Follows a site from after an event on. */
  follow(site: string, after: number): void {
    const moved = site !== this.#site;
    this.#site = site;
    if (!moved) return;
    this.#after = after;
    this.#waiting = [];
    this.#close();
    this.#open();
  }

  /** Reconnects with a new token. */
  reconnect(): void {
    if (this.#site === null) return;
    this.#close();
    this.#open();
  }

  #open(): void {
    const given = document.querySelector<HTMLMetaElement>('meta[name="live"]')?.content;
    const own = `${location.origin.replace(/^http/, "ws")}/ws/effluent`;
    const url = new URL(given || own);
    url.searchParams.set("wait", "true");
    if (this.#site !== null) url.searchParams.set("site", this.#site);
    const secret = token.get();
    let socket: WebSocket;
    try {
      socket = secret ? new WebSocket(url, ["owsc", carrier(secret)]) : new WebSocket(url);
    } catch {
      // The browser refuses the address, such as an unencrypted one on an encrypted page.
      this.connection.set("offline");
      return;
    }
    this.#socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "subscribe", site: this.#site, after: this.#after }));
      this.#expectAnswer(socket);
    });
    socket.addEventListener("message", (message) => this.#receive(String(message.data)));
    socket.addEventListener("close", () => this.#closed(socket));
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (this.#retry) clearTimeout(this.#retry);
    if (this.#silence) clearTimeout(this.#silence);
    this.#retry = null;
    this.#silence = null;
    socket?.close();
  }

  #closed(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#close();
    this.connection.set(navigator.onLine ? "reconnecting" : "offline");
    // Jitter, so that not all clients reconnect to a restarted server at once.
    const delay = this.#delay * (0.7 + Math.random() * 0.6);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    this.#retry = setTimeout(() => this.#open(), delay);
  }

  #retryNow(): void {
    if (this.#retry) {
      clearTimeout(this.#retry);
      this.#retry = null;
      this.#open();
    } else {
      this.#ping();
    }
  }

  /** The system reports that the network is gone: do not wait for an answer that cannot come. */
  #lost(): void {
    const socket = this.#socket;
    if (socket) this.#closed(socket);
  }

  #pingIfSilent(): void {
    const every = document.visibilityState === "visible" ? PING_EVERY : PING_UNSEEN_EVERY;
    // Early by half a pause, so that it is never late by half a pause.
    if (this.#silence === null && Date.now() - this.#heard >= every - PING_EVERY / 2) this.#ping();
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send('{"type":"ping"}');
    this.#expectAnswer(socket);
  }

  /** A dead connection looks open until an answer is due. */
  #expectAnswer(socket: WebSocket): void {
    if (this.#silence) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      socket.close();
      this.#closed(socket);
    }, ANSWER_WITHIN);
  }

  #receive(text: string): void {
    if (this.#silence) clearTimeout(this.#silence);
    this.#silence = null;
    this.#heard = Date.now();
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return;
    }
    for (const frame of Array.isArray(parsed) ? parsed : [parsed]) this.#take(frame as Frame);
  }

  #take(frame: Frame): void {
    if (frame.type === "subscribed") {
      this.#delay = FIRST_DELAY;
      this.connection.set("live");
      if (frame.lost || frame.reset) {
        this.#after = frame.seq ?? 0;
        this.gap();
      }
      return;
    }
    if (typeof frame.seq !== "number" || frame.seq <= this.#after) return;
    this.#after = frame.seq;
    this.#waiting.push(frame as LiveEvent);
    this.#flush ??= setTimeout(() => {
      this.#flush = null;
      const events = this.#waiting;
      this.#waiting = [];
      if (events.length > 0) this.events(events);
    }, BATCH_EVERY);
  }
}
