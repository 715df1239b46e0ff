// The site's calendar: its time zone, and the first day of a week. All versions of the permit share it.

import { h, id } from "../dom";
import type { Permit } from "../types";
import { UTC } from "../zone";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

export interface SiteCalendar {
  element: HTMLElement;
  set: (permit: Permit) => void;
  get: () => { time_zone: string; week_starts: string };
  /** Shows the server's errors about it. Returns the errors about other fields. */
  problems: (fields: { field: string; reason: string }[]) => { field: string; reason: string }[];
  clearProblems: () => void;
}

export function siteCalendar(changed: () => void): SiteCalendar {
  const ids = { zone: id("zone"), zones: id("zones"), week: id("week"), hint: id("hint"), problem: id("problem") };
  const zones = "supportedValuesOf" in Intl ? Intl.supportedValuesOf("timeZone") : [];
  const zone = h("input", {
    id: ids.zone,
    type: "text",
    list: ids.zones,
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": ids.hint,
  });
  const week = h(
    "select",
    { id: ids.week },
    ...DAYS.map((day) => h("option", { value: day.toLowerCase(), text: day })),
  );
  const problem = h("p", { class: "field-problem", id: ids.problem, hidden: true });
  const element = h(
    "div",
    { class: "site-calendar" },
    h(
      "div",
      { class: "field" },
      h("label", { for: ids.zone, text: "Time zone of the site" }),
      zone,
      problem,
      h("p", {
        class: "quiet",
        id: ids.hint,
        text: "Such as America/Chicago. Days, weeks and months are those of its clocks; a change judges everything again.",
      }),
    ),
    h("div", { class: "field" }, h("label", { for: ids.week, text: "A week begins on" }), week),
    h("datalist", { id: ids.zones }, ...[UTC, ...zones].map((value) => h("option", { value }))),
  );
  const clearProblems = () => {
    problem.hidden = true;
    zone.removeAttribute("aria-invalid");
    zone.setAttribute("aria-describedby", ids.hint);
  };
  element.addEventListener("input", () => {
    clearProblems();
    changed();
  });
  return {
    element,
    set({ time_zone, week_starts }) {
      zone.value = time_zone;
      week.value = week_starts;
      clearProblems();
    },
    get: () => ({ time_zone: zone.value.trim(), week_starts: week.value }),
    problems(fields) {
      const own = fields.filter(({ field }) => field === "time_zone");
      const [first] = own;
      if (first) {
        problem.textContent = first.reason;
        problem.hidden = false;
        zone.setAttribute("aria-invalid", "true");
        zone.setAttribute("aria-describedby", `${ids.problem} ${ids.hint}`);
        zone.focus();
      }
      return fields.filter((one) => !own.includes(one));
    },
    clearProblems,
  };
}
