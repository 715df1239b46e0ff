// The current view: the hash of the URL. It holds names and times, never a token.

import { Signal } from "./signal";

export const VIEWS = ["overview", "upload", "files", "permit", "certificate", "chemistry"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  site: string | null;
  outfall: string | null;
  series: string | null;
  /** The stretch of the chart, with times in the API's format. */
  from: string | null;
  to: string | null;
  /** The file whose account is shown. */
  file: string | null;
  /** The filter of the files: a site, and a state. */
  of: string | null;
  state: string | null;
}

const KEYS = ["site", "outfall", "series", "from", "to", "file", "of", "state"] as const;

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const named = path.replace(/^\//, "");
  const view = VIEWS.find((known) => known === named) ?? "overview";
  const values = new URLSearchParams(query);
  const found = Object.fromEntries(KEYS.map((key) => [key, values.get(key) || null]));
  return { view, ...(found as Record<(typeof KEYS)[number], string | null>) };
}

export function hashOf(route: Route): string {
  const values = new URLSearchParams();
  for (const key of KEYS) {
    const value = route[key];
    if (value !== null) values.set(key, value);
  }
  const query = values.toString();
  return `#/${route.view === "overview" ? "" : route.view}${query ? `?${query}` : ""}`;
}

/** The URL of a site's tiles. */
export function siteHash(site: string): string {
  const nothing = { outfall: null, series: null, from: null, to: null, file: null };
  return hashOf({ ...route.get(), ...nothing, view: "overview", site });
}

export const route = new Signal<Route>(parse(location.hash));

/** Navigates. `replace`: without an entry in the browser's history, for frequent changes. */
export function go(change: Partial<Route>, replace = false): void {
  const next = { ...route.get(), ...change };
  const hash = hashOf(next);
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  route.set(next);
}

window.addEventListener("popstate", () => route.set(parse(location.hash)));
