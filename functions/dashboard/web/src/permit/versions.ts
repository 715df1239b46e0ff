// The versions of a permit as a time line, and the one in force.

import { fill, h, id } from "../dom";
import { counted, momentText } from "../format";
import type { Permit, Version } from "../types";
import { clock } from "../zone";

/** Before everything: the start of a version that has been in force from the beginning. */
export const BEGINNING = "0001-01-01";

/** The version in force today; if there is none, the first future one. */
export function inForce(permit: Permit): Version | undefined {
  const today = clock(Date.now(), permit.time_zone).day;
  const begun = permit.versions.filter(({ effective_from }) => (effective_from ?? BEGINNING) <= today);
  return begun.at(-1) ?? permit.versions[0];
}

/** The version whose limits are shown. */
export function shownVersion(permit: Permit): Version | undefined {
  return permit.versions.find(({ effective_from }) => effective_from === permit.effective_from);
}

/** How long a version is in force, in words. */
export function timeText(permit: Permit, version: Version): string {
  const next = permit.versions[permit.versions.indexOf(version) + 1];
  const from = version.effective_from === null ? "from the beginning" : `from ${version.effective_from}`;
  const until = next?.effective_from ? ` until ${dayBefore(next.effective_from)}` : "";
  return `${from}${until}`;
}

function dayBefore(day: string): string {
  return new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
}

export interface TimeLine {
  element: HTMLElement;
  /** `isLocked`: switching to another version would lose edits. */
  draw: (permit: Permit, isLocked: boolean) => void;
}

/** `choose` is called with the version that the user wants to see. */
export function timeLine(choose: (version: Version) => void): TimeLine {
  const heading = h("h3", { id: id("versions"), text: "Versions" });
  const list = h("ol", { class: "versions", "aria-labelledby": heading.id });
  const hint = h("p", { class: "quiet", id: id("hint") });
  const element = h("div", { class: "time-line", hidden: true }, heading, list, hint);
  const draw = (permit: Permit, isLocked: boolean) => {
    const [current, shown] = [inForce(permit), shownVersion(permit)];
    element.hidden = permit.versions.length === 0;
    const entry = (version: Version) => {
      const isLater = current !== undefined && permit.versions.indexOf(version) > permit.versions.indexOf(current);
      const state = version === current ? "in force" : isLater ? "to come" : "past";
      return h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "version",
            "aria-pressed": String(version === shown),
            "aria-describedby": isLocked ? hint.id : undefined,
            disabled: isLocked && version !== shown,
            data: { testid: "version", version: version.version, time: state.replace(" ", "-") },
            on: { click: () => choose(version) },
          },
          h("strong", { text: `Version ${version.version}` }),
          h("span", { text: `${timeText(permit, version)}, ${state}` }),
          h("span", {
            class: "quiet",
            text: `${counted(version.limits, "limit")}, written ${momentText(version.updated_at, permit.time_zone)}`,
          }),
        ),
      );
    };
    fill(list, ...permit.versions.map(entry));
    const zone = `Times: ${permit.time_zone}.`;
    fill(hint, isLocked ? `${zone} Save or discard your changes to see another version.` : zone);
  };
  return { element, draw };
}
