// The state of a site: one sentence, a tile for each parameter, the chart of one of them, and the incidents.

import { fill, h, name } from "../dom";
import { CONDITION_NAMES, counted, dayText, isHours, momentText, seconds } from "../format";
import { icon } from "../icons";
import { again, happenings, overview, reloads, site } from "../model";
import { go, route } from "../route";
import { empty, failed, loading } from "../states";
import type { Condition, Moment, Overview, Standing } from "../types";
import { siteZone } from "../zone";
import { type Group, groups, lastExceedance } from "./groups";
import { Incidents } from "./incidents";
import { ChartPanel } from "./panel";
import { pendingNote } from "./pending";
import { tiles } from "./tiles";

export function overviewView(main: HTMLElement): () => void {
  const choose = (series: Standing) => go({ series: series.id, from: null, to: null });
  const tileArea = tiles(choose);
  const chart = new ChartPanel(choose);
  const incidents = new Incidents((alert) => {
    // The chart sets the stretch itself, once it has the series.
    go({ series: alert.series, from: null, to: null });
    draw();
    chart.goTo(alert.time);
    chart.region.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  const head = h("div");
  const pending = pendingNote();
  const message = h("div");
  const body = h(
    "div",
    { class: "overview" },
    tileArea.region,
    h("div", { class: "columns" }, chart.region, incidents.region),
  );
  fill(main, h("h2", { class: "hidden", text: "Overview" }), h("div", {}, head, pending.element), message, body);

  function draw(): void {
    const loaded = overview.get();
    const ready = loaded.state === "ready" ? loaded.value : null;
    const shown = ready ? groups(ready.series, route.get().outfall) : [];
    body.hidden = shown.length === 0;
    fill(message, ready && shown.length > 0 ? null : absent(loaded));
    fill(head, ready && shown.length > 0 ? verdict(ready, shown) : null);
    pending.draw(ready?.pending ?? 0);
    if (!ready || shown.length === 0) return;
    const chosen = choice(shown);
    tileArea.draw(shown, chosen?.id ?? null);
    const siblings = shown.find((group) => group.series.some((one) => one.id === chosen?.id))?.series ?? [];
    if (chosen) chart.show(chosen, siblings);
  }

  let asked: string | null = null;
  function loadIncidents(anew: boolean): void {
    const place = `${site()}\n${route.get().outfall ?? ""}`;
    if (place === asked && !anew) return;
    asked = place;
    void incidents.load(route.get().outfall);
  }

  const ends = [
    overview.watch(draw),
    route.listen(() => {
      if (route.get().view !== "overview") return;
      draw();
      loadIncidents(false);
    }),
    reloads.listen(() => {
      loadIncidents(true);
      chart.reload();
    }),
    happenings.listen((events) => {
      incidents.note(events);
      chart.note(events);
    }),
  ];
  if (overview.get().state === "ready") loadIncidents(true);
  return () => {
    for (const end of ends) end();
    chart.destroy();
  };
}

function absent(loaded: ReturnType<typeof overview.get>): HTMLElement {
  if (loaded.state === "loading") return loading("Loading the site");
  if (loaded.state === "failed") return failed(loaded.error, again);
  const { outfall } = route.get();
  const where = outfall === null ? `Site ${site()}` : `Outfall ${outfall} of site ${site()}`;
  return empty(
    "No readings yet",
    `${where} has no readings. Upload a laboratory export or an EPA effluent chart, or let an analyzer publish them.`,
  );
}

/** The series in the URL; otherwise, the worst: the one beyond its limit, or the one that exceeded most often. */
function choice(shown: Group[]): Standing | null {
  const asked = route.get().series;
  const all = shown.flatMap((group) => group.series);
  const now = shown.find(isBeyond)?.series[0];
  const often = [...all].sort((a, b) => b.exceedances - a.exceedances)[0];
  return all.find((one) => one.id === asked) ?? now ?? often ?? null;
}

/** Older readings say nothing about today. */
const CURRENT_FOR = 31 * 86_400;

const isBeyond = ({ state }: Group) => state !== "open" && state !== "ok" && state !== "none";

/** The state of the site, in a sentence. */
function sentence(shown: Group[], latest: Moment | undefined): { text: string; state: Condition } {
  const [beyond, open] = [shown.filter(isBeyond), shown.filter(({ state }) => state === "open")];
  const judged = shown.filter(({ state }) => state !== "none");
  const isOld = latest !== undefined && !isHours(latest) && Date.now() / 1000 - seconds(latest) > CURRENT_FOR;
  const when = isOld && latest !== undefined ? ` when last measured, ${dayText(latest)}` : "";
  const parameters = counted(shown.length, "parameter");
  if (beyond[0]) return { state: beyond[0].state, text: `${beyond.length} of ${parameters} beyond the permit${when}` };
  if (open.length > 0)
    return { state: "open", text: `${open.length} of ${parameters} may be beyond the permit or within it${when}` };
  if (judged.length === 0) return { state: "none", text: "No limit of the permit speaks of these parameters" };
  const all = judged.length === shown.length ? "All" : `All ${judged.length} limited`;
  return { state: "ok", text: `${all} parameters within the permit${when}` };
}

function verdict(ready: Overview, shown: Group[]): HTMLElement {
  const series = shown.flatMap((group) => group.series);
  const latest = series.map((one) => one.last).sort((a, b) => seconds(b) - seconds(a))[0];
  const { state: worst, text } = sentence(shown, latest);
  const last = lastExceedance(series);
  const exceedances = shown.reduce((sum, group) => sum + group.exceedances, 0);
  const record =
    exceedances === 0
      ? "No exceedance on record"
      : `${counted(exceedances, "exceedance")} on record, the last ${last === null ? "" : momentText(last)}`;
  const { outfall } = route.get();
  return h(
    "div",
    { class: "verdict", data: { testid: "verdict", state: worst } },
    h("span", { class: "condition big", data: { state: worst } }, icon(worst)),
    h(
      "div",
      {},
      h("p", { class: "verdict-text" }, h("strong", { text })),
      h(
        "p",
        { class: "quiet" },
        name(ready.site),
        outfall === null ? "" : ", outfall ",
        outfall === null ? "" : name(outfall),
        latest === undefined ? "" : ` · latest reading ${momentText(latest)}`,
        ` · ${record}`,
        shown.some(isBeyond) ? ` · worst: ${CONDITION_NAMES[worst].toLowerCase()}` : "",
        latest === undefined || isHours(latest) ? "" : ` · times: ${siteZone.get()}`,
      ),
    ),
  );
}
