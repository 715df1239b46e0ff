// What the page knows: the sites, the overview of the one that is looked at, and what happens to it.

import { all, get } from "./api";
import { sameName, seconds } from "./format";
import { Live, type LiveEvent } from "./live";
import { go, route } from "./route";
import { type Load, Signal } from "./signal";
import { arrange, follow, met, open } from "./standing";
import { loadStatistics } from "./statistics";
import type { Overview, SiteStatus, Standing } from "./types";
import { siteZone, usable } from "./zone";

/** After an event, the verdicts of the server are asked for soon ... */
const REFRESH_SOON = 150;
/** ... and under a stream of events so that it works on them for a tenth of the time at most. */
const REFRESH_SHARE = 10;
const REFRESH_SLOWEST = 5000;
/** While verdicts are worked out, they are asked for whether or not something happens. */
const REFRESH_PENDING = 3000;

export const sites = new Signal<Load<SiteStatus[]>>({ state: "loading" });
export const overview = new Signal<Load<Overview>>({ state: "loading" });
export const version = new Signal("");
/** Batches of live events of the site that is looked at. */
export const happenings = new Signal<LiveEvent[]>([]);

export const live = new Live(take, () => void refresh(true));

let refreshing: Promise<void> | null = null;
/** When the last answer came, and how long it took. */
let refreshed = { at: 0, took: 0 };
let visited = "";
let planned: ReturnType<typeof setTimeout> | null = null;
let pendingLook: ReturnType<typeof setTimeout> | null = null;

/** Asks which sites there are, and goes to one. */
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

/** Tries what failed once more. */
export function again(): void {
  overview.set({ state: "loading" });
  void (sites.get().state === "ready" ? refresh(true) : start());
}

/** The site that the address names, else the one that was last measured. */
export function site(): string {
  const asked = route.get().site;
  if (asked !== null) return asked;
  const known = sites.get();
  const list = known.state === "ready" ? [...known.value] : [];
  list.sort((a, b) => (b.latest === null ? 0 : seconds(b.latest)) - (a.latest === null ? 0 : seconds(a.latest)));
  return list[0]?.site ?? "default";
}

/** Loads the site that the address names, and follows it. */
export async function visit(): Promise<void> {
  visited = site();
  overview.set({ state: "loading" });
  await refresh(true);
}

/** Loads the overview. `whole`: everything else that is shown has to be loaded too. */
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
      // Before anything is drawn: times are the site's.
      siteZone.set(usable(first.time_zone));
      for (const series of items) open(series);
      overview.set({ state: "ready", value: { ...first, series: items } });
      live.follow(asked, first.seq);
      if (whole) reloads.set(reloads.get() + 1);
    } catch (error) {
      // What is shown stays while the connection comes and goes; the chip says that it does.
      if (asked === site() && (whole || overview.get().state !== "ready")) overview.set({ state: "failed", error });
    } finally {
      refreshed = { at: Date.now(), took: Date.now() - begun };
      lookAgain();
    }
  };
  refreshing = (refreshing ?? Promise.resolve()).then(load);
  await refreshing;
}

/** Asks again in a few seconds as long as verdicts are being worked out: the last of them may change nothing, and be no event. */
function lookAgain(): void {
  const current = overview.get();
  if (current.state !== "ready" || !(current.value.pending > 0) || pendingLook) return;
  const pause = Math.min(refreshed.took * REFRESH_SHARE, REFRESH_SLOWEST);
  pendingLook = setTimeout(() => void refresh(), Math.max(REFRESH_PENDING, pause));
}

/** Counts how often everything has to be loaded anew. */
export const reloads = new Signal(0);

function take(events: LiveEvent[]): void {
  const current = overview.get();
  if (current.state === "ready") {
    for (const event of events) note(current.value.series, event);
    overview.set(current);
  }
  happenings.set(events);
  if (events.some((event) => event.type === "removed")) {
    // Nothing of the site is to be seen any more: the server says so in place of what is shown.
    void reloadSites();
    void refresh(true);
  } else if (events.some((event) => event.type === "omitted" || (event.type === "alerts" && event.omitted))) {
    void refresh(true);
  } else {
    const pause = Math.min(refreshed.took * REFRESH_SHARE, REFRESH_SLOWEST);
    planned ??= setTimeout(() => void refresh(), Math.max(REFRESH_SOON, refreshed.at + pause - Date.now()));
  }
}

/** Shows a reading at once; what it means for the limits the server says. */
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

/** Goes to another site. */
export function goToSite(next: string): void {
  go({ site: next, outfall: null, series: null, from: null, to: null });
}

route.listen(() => {
  if (site() !== visited) void visit();
});

/** The sites' names, with the one that is looked at. */
export async function reloadSites(): Promise<void> {
  const status = await get<{ sites: SiteStatus[] }>("/api/status");
  sites.set({ state: "ready", value: status.sites });
}
