// A tile for each parameter at an outfall: its state at a glance.

import { fill, h, hidden, name } from "../dom";
import {
  baseText,
  brief,
  CONDITION_NAMES,
  count,
  counted,
  dayText,
  headroomText,
  limitText,
  momentText,
  periodText,
  unknownText,
} from "../format";
import { icon } from "../icons";
import { isSingle, statisticText } from "../statistics";
import type { Against, Standing } from "../types";
import { type Group, lastExceedance } from "./groups";
import { spark } from "./spark";

/** The worst come first. Thousands would keep the browser busy for seconds, and nobody looks through them. */
const MOST_TILES = 120;

/** The region of tiles, and the function that draws it. `choose` is called with the tile's series. */
export function tiles(choose: (series: Standing) => void): {
  region: HTMLElement;
  draw: (groups: Group[], chosen: string | null) => void;
} {
  const list = h("ul", { class: "tiles" });
  const foot = h("div", { class: "tiles-foot" });
  const region = h("section", { "aria-label": "Parameters", class: "parameters" }, list, foot);
  let isWhole = false;
  const draw = (all: Group[], chosen: string | null) => {
    const shown = isWhole ? all : all.slice(0, MOST_TILES);
    const more = h("button", { type: "button", text: `Show all ${count(all.length)} parameters` });
    more.addEventListener("click", () => {
      isWhole = true;
      draw(all, chosen);
      list.querySelectorAll<HTMLElement>(".tile")[MOST_TILES]?.focus();
    });
    fill(foot, shown.length < all.length && more);
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    fill(list, ...shown.map((group) => h("li", {}, tile(group, chosen, choose))));
    // The tile that had the focus keeps it, even if it has moved.
    if (focused) list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  return { region, draw };
}

function tile(group: Group, chosen: string | null, choose: (series: Standing) => void): HTMLElement {
  const worst = group.series[0] as Standing;
  const against = worst.standings[0];
  const isChosen = group.series.some((one) => one.id === chosen);
  const shownValue = against?.value ?? worst.latest;
  const shownUnit = against?.value == null ? worst.unit : against.unit;
  const qualifier = against?.value == null ? worst.qualifier : against.qualifier;
  return h(
    "button",
    {
      type: "button",
      class: "tile",
      "aria-pressed": String(isChosen),
      data: { testid: "tile", state: group.state, parameter: group.parameter, outfall: group.outfall, key: worst.id },
      on: { click: () => choose(worst) },
    },
    h(
      "span",
      { class: "tile-head" },
      h("span", { class: "condition", data: { state: group.state } }, icon(group.state), CONDITION_NAMES[group.state]),
      h("span", { class: "quiet" }, hidden(", "), "Outfall ", name(group.outfall)),
    ),
    h("span", { class: "tile-name" }, name(group.parameter)),
    h(
      "span",
      { class: "tile-value" },
      h("span", { class: "number", text: `${qualifier === "=" ? "" : `${qualifier} `}${brief(shownValue)}` }),
      " ",
      h("span", { class: "unit", text: shownUnit }),
    ),
    what(worst, against),
    spark(worst),
    h("span", { class: "tile-limit" }, ...limitLine(worst, against)),
    h("span", { class: "tile-foot quiet" }, record(group)),
  );
}

/** What exceeded before, so that a good reading does not hide it. */
function record({ series, exceedances }: Group): string {
  const last = lastExceedance(series);
  if (exceedances === 0 || last === null) return "no exceedance on record";
  const among = series.length > 1 ? ` in ${series.length} series` : "";
  return `${counted(exceedances, "exceedance")} on record${among}, the last ${dayText(last)}`;
}

/** The value, and its time. */
function what(series: Standing, against: Against | undefined): HTMLElement {
  const taken = against && !isSingle(against.statistic);
  const single = against?.is_made ? "made with another series" : "latest reading";
  const base = taken ? statisticText(against.statistic) : series.base === "" ? single : baseText(series.base);
  const when = taken && against.period !== null ? periodText(against.period) : momentText(series.last);
  return h("span", { class: "tile-what quiet" }, `${base} · `, h("span", { class: "when", text: when }));
}

function limitLine(series: Standing, against: Against | undefined): (Node | string)[] {
  const unknown = unknownText(series);
  if (unknown) return [unknown];
  if (!against) {
    const units = series.incomparable_units;
    return [units.length > 0 ? `limit in ${units.join(", ")} cannot be compared` : "no limit in force for it"];
  }
  const limit = h("span", { text: `limit ${limitText(against.direction, against.limit, against.unit)}` });
  if (against.state === "open") return [limit, h("strong", { text: "its sign leaves open if it is within" })];
  if (against.headroom === null) return [limit];
  const meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "meter-part" }));
  // The used part of what is allowed. A minimum has no such part, so its bar is empty.
  const part = against.direction === "max" ? Math.max(0, Math.min(1, 1 - against.headroom / 100)) : 0;
  (meter.firstElementChild as HTMLElement).style.setProperty("--part", String(part));
  return [limit, h("strong", { text: headroomText(against.headroom) }), meter];
}
