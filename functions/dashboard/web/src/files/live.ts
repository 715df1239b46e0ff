// Keeps the list up to date: by the event when a file is judged, and by polling, since files of other sites and refused
// files send no event here.

import { happenings, reloads } from "../model";
import type { Ledger } from "./ledger";
import { isUnderway } from "./words";

/** Files of one burst are fetched together. */
const GATHER = 300;
/** If there are more than these, the latest page is reloaded instead. */
const MOST_AT_ONCE = 5;
const UNDERWAY_EVERY = 3000;
const GLANCE_EVERY = 15_000;

/** Calls `changed` whenever the ledger may have changed. Returns a function that stops it. */
export function follow(ledger: Ledger, changed: () => void): () => void {
  const heard = new Set<string>();
  let gathering: ReturnType<typeof setTimeout> | undefined;

  /** What fails now is fetched the next time. */
  async function quietly(looks: Promise<void>[]): Promise<void> {
    await Promise.allSettled(looks);
    changed();
  }

  const hear = () => {
    gathering = undefined;
    const ids = [...heard];
    heard.clear();
    void quietly(ids.length > MOST_AT_ONCE ? [ledger.glance()] : ids.map((id) => ledger.look(id)));
  };
  const glance = () => {
    if (document.visibilityState === "visible") void quietly([ledger.glance()]);
  };
  const lookAtUnderway = () => {
    if (document.visibilityState !== "visible") return;
    const underway = ledger.shown.filter(isUnderway).slice(0, MOST_AT_ONCE);
    if (underway.length > 0) void quietly(underway.map(({ id }) => ledger.look(id)));
  };

  const timers = [setInterval(lookAtUnderway, UNDERWAY_EVERY), setInterval(glance, GLANCE_EVERY)];
  const unhear = happenings.listen((events) => {
    for (const event of events) if (event.type === "ingest" && event.ingest) heard.add(event.ingest);
    if (heard.size > 0) gathering ??= setTimeout(hear, GATHER);
  });
  const unload = reloads.listen(glance);
  document.addEventListener("visibilitychange", glance);
  return () => {
    unhear();
    unload();
    document.removeEventListener("visibilitychange", glance);
    clearTimeout(gathering);
    for (const timer of timers) clearInterval(timer);
  };
}
