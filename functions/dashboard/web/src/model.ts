// The page's state: the sites, the overview of the selected one, and its events.

import { all, get } from "./api";
import { sameName, seconds } from "./format";
import { Live, type LiveEvent } from "./live";
import { go, route } from "./route";
import { type Load, Signal } from "./signal";
import { arrange, follow, met, open } from "./standing";
import { loadStatistics } from "./statistics";
import type { Overview, SiteStatus, Standing } from "./types";
import { siteZone, usable } from "./zone";

/** After an event, the server's verdicts are requested soon ... */
const REFRESH_SOON = 150;
/** ... but under a stream of events, requests take a tenth of the time at most. */
const REFRESH_SHARE = 10;
const REFRESH_SLOWEST = 5000;
/** While verdicts are pending, they are requested even if no event comes. */
const REFRESH_PENDING = 3000;

export const sites = new Signal<Load<SiteStatus[]>>({ state: "loading" });
export const overview = new Signal<Load<Overview>>({ state: "loading" });
export const version = new Signal("");
/** Batches of live events of the selected site. */
export const happenings = new Signal<LiveEvent[]>([]);

export const live = new Live(take, () => void refresh(true));

let refreshing: Promise<void> | null = null;
/** When the last answer came, and how long it took. */
let refreshed = { at: 0, took: 0 };
let visited = "";
let planned: ReturnType<typeof setTimeout> | null = null;
let pendingLook: ReturnType<typeof setTimeout> | null = null;

/** Loads the list of sites, and selects one. */
export async function start(): Promise<void> {
  try {
    const [status] = await Promise.all([
      get<{ version: string; sites: SiteStatus[] }>("/api/status"),
      loadStatistics(),
    ]);
    version.set(status.version);
    sites.set({ state: "ready", value: status.sites });
    await visit();
  } catch (error) {
    sites.set({ state: "failed", error });
    overview.set({ state: "failed", error });
  }
}

/** Retries what failed. */
export function again(): void {
  overview.set({ state: "loading" });
  void (sites.get().state === "ready" ? refresh(true) : start());
}

/** The site in the URL; otherwise, the one with the latest reading. */
export function site(): string {
  const asked = route.get().site;
  if (asked !== null) return asked;
  const known = sites.get();
  const list = known.state === "ready" ? [...known.value] : [];
  list.sort((a, b) => (b.latest === null ? 0 : seconds(b.latest)) - (a.latest === null ? 0 : seconds(a.latest)));
  return list[0]?.site ?? "default";
}

/** Loads the site in the URL, and follows it. */
export async function visit(): Promise<void> {
  visited = site();
  overview.set({ state: "loading" });
  await refresh(true);
}

/** Loads the overview. `whole`: everything else on the page must be reloaded too. */
export async function refresh(whole = false): Promise<void> {
  if (planned) clearTimeout(planned);
  planned = null;
  if (pendingLook) clearTimeout(pendingLook);
  pendingLook = null;
  const asked = site();
  const load = async () => {
    const begun = Date.now();
    try {
      const { first, items } = await all<Standing, Overview>("/api/overview", { site: asked }, (page) => page.series);
      if (asked !== site()) return;
      // Before anything is drawn, since times are in the site's zone.
      siteZone.set(usable(first.time_zone));
      for (const series of items) open(series);
      overview.set({ state: "ready", value: { ...first, series: items } });
      live.follow(asked, first.seq);
      if (whole) reloads.set(reloads.get() + 1);
    } catch (error) {
      // Keep what is shown while the connection is down; the chip says that it is.
      if (asked === site() && (whole || overview.get().state !== "ready")) overview.set({ state: "failed", error });
    } finally {
      refreshed = { at: Date.now(), took: Date.now() - begun };
      lookAgain();
    }
  };
  refreshing = (refreshing ?? Promise.resolve()).then(load);
  await refreshing;
}

/** Asks again in a few seconds while verdicts are pending: the last of them may change nothing, and send no event. */
function lookAgain(): void {
  const current = overview.get();
  if (current.state !== "ready" || !(current.value.pending > 0) || pendingLook) return;
  const pause = Math.min(refreshed.took * REFRESH_SHARE, REFRESH_SLOWEST);
  pendingLook = setTimeout(() => void refresh(), Math.max(REFRESH_PENDING, pause));
}

/** Counts full reloads. */
export const reloads = new Signal(0);

function take(events: LiveEvent[]): void {
  const current = overview.get();
  if (current.state === "ready") {
    for (const event of events) note(current.value.series, event);
    overview.set(current);
  }
  happenings.set(events);
  if (events.some((event) => event.type === "removed")) {
    // The site's data must disappear: the server's answers replace what is shown.
    void reloadSites();
    void refresh(true);
  } else if (events.some((event) => event.type === "omitted" || (event.type === "alerts" && event.omitted))) {
    void refresh(true);
  } else {
    const pause = Math.min(refreshed.took * REFRESH_SHARE, REFRESH_SLOWEST);
    planned ??= setTimeout(() => void refresh(), Math.max(REFRESH_SOON, refreshed.at + pause - Date.now()));
  }
}

/** Shows a reading at once; the server says what it means for the limits. */
function note(series: Standing[], event: LiveEvent): void {
  if (event.type === "reading") {
    const found = series.find((one) => isOf(one, event));
    const value = event.concentration ?? event.value;
    if (!found || value === undefined || seconds(event.time) < seconds(found.last)) return;
    const [qualifier, unit] = [event.qualifier ?? "=", event.unit ?? "mg/L"];
    if (sameName(unit, found.unit)) follow(found, value, qualifier);
    Object.assign(found, { latest: value, qualifier, unit, last: event.time });
    found.spark = [...found.spark.slice(-59), [event.time, value, qualifier]];
  } else if (event.type === "alerts") {
    for (const alert of event.alerts) {
      const found = series.find((one) => one.id === alert.series);
      if (!found) continue;
      found.exceedances += 1;
      if (found.last_exceedance === null || seconds(alert.time) >= seconds(found.last_exceedance))
        found.last_exceedance = alert.time;
      met(found, alert);
      arrange(found);
    }
  }
}

/** Whether a published reading belongs to a series. */
export function isOf(series: Standing, event: Extract<LiveEvent, { type: "reading" }>): boolean {
  return (
    series.base === "" &&
    sameName(series.parameter, event.species ?? event.parameter ?? "") &&
    sameName(series.outfall, event.outfall ?? "001")
  );
}

/** Selects another site. */
export function goToSite(next: string): void {
  go({ site: next, outfall: null, series: null, from: null, to: null });
}

route.listen(() => {
  if (site() !== visited) void visit();
});

/** The sites' names, and the selected one. */
export async function reloadSites(): Promise<void> {
  const status = await get<{ sites: SiteStatus[] }>("/api/status");
  sites.set({ state: "ready", value: status.sites });
}
