// Shown when the permit being edited was changed elsewhere: by another person, or in another tab.

import { type Child, h, hidden, id, name } from "../dom";
import { lowered } from "../format";
import type { Permit } from "../types";
import { type Change, compare } from "./compare";
import { MORE_FIELDS, type Part, partText, titleOf, type Written } from "./words";

export interface Conflict {
  /** The server's message. */
  message: string;
  /** The version that the user started from. */
  begun: Permit;
  /** The version in force. */
  theirs: Permit;
}

const KINDS: Record<Change["kind"], string> = { added: "Added", removed: "Removed", changed: "Changed" };

/** A version, for use within a sentence. */
export function versionText(permit: Permit): string {
  return permit.default ? "the built-in limits" : `version ${permit.version}`;
}

export function conflictPanel(
  { message, begun, theirs }: Conflict,
  takeOver: () => void,
  keepMine: () => void,
): HTMLElement {
  const heading = h("h3", { id: id("conflict"), text: "The permit was changed meanwhile" });
  const listHeading = h("h4", { id: id("changes"), text: `From ${versionText(begun)} to ${versionText(theirs)}` });
  const changes = [...calendarChanges(begun, theirs), ...compare(begun.limits, theirs.limits).map(line)];
  const list = h("ul", { class: "changes", "aria-labelledby": listHeading.id }, ...changes);
  const button = (text: string, action: () => void, why: string) => {
    const hint = h("span", { class: "quiet", id: id("hint"), text: why });
    return h(
      "div",
      { class: "choice-of" },
      h("button", { type: "button", "aria-describedby": hint.id, text, on: { click: action } }),
      hint,
    );
  };
  return h(
    "section",
    { class: "card conflict", tabindex: "-1", "aria-labelledby": heading.id },
    heading,
    h("p", { role: "alert", text: message }),
    listHeading,
    // Bounded, so that the choices stay in sight; scrollable by keyboard.
    changes.length > 0
      ? h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Changes, scrollable" }, list)
      : h("p", { text: "The limits are the same in both." }),
    h("p", { text: "What you entered is still in the table above. Nothing of it has been saved." }),
    button("Take over theirs", takeOver, `The table is replaced by ${versionText(theirs)}. What you entered is lost.`),
    button(
      "Keep mine",
      keepMine,
      `You see the preview again. If you then save, your limits take the place of ${versionText(theirs)}.`,
    ),
  );
}

/** All versions share the site's calendar. */
function calendarChanges(begun: Permit, theirs: Permit): HTMLElement[] {
  const all: [string, string, string][] = [
    ["Time zone of the site", begun.time_zone, theirs.time_zone],
    ["A week begins on", begun.week_starts, theirs.week_starts],
  ];
  const changed = all.filter(([, before, after]) => before !== after);
  return changed.map(([title, before, after]) =>
    h("li", { data: { kind: "changed" } }, h("strong", { text: "Changed: " }), `${title}: `, ...becomes(before, after)),
  );
}

function becomes(before: string, after: string): Child[] {
  return [name(before), h("span", { "aria-hidden": "true", text: " → " }), hidden(" becomes "), name(after)];
}

function line(change: Change): HTMLElement {
  const kind = h("strong", { text: `${KINDS[change.kind]}: ` });
  if (change.kind !== "changed") return h("li", { data: { kind: change.kind } }, kind, ...sentence(change.limit));
  const parts = change.parts.map(({ part, before, after }) =>
    h("li", {}, `${titleOf(part)}: `, ...becomes(before, after)),
  );
  return h("li", { data: { kind: change.kind } }, kind, ...subject(change.limit), h("ul", {}, ...parts));
}

/** Which limit it is. */
function subject(limit: Written): Child[] {
  const { outfall } = limit;
  const statistic = partText(limit, "statistic");
  return [
    part(limit, "parameter"),
    ...(outfall ? [", outfall ", part(limit, "outfall")] : []),
    `, ${lowered(statistic)}`,
  ];
}

/** A whole limit. */
function sentence(limit: Written): Child[] {
  const { months, non_detect, action } = limit;
  const more = MORE_FIELDS.filter((field) => limit[field] !== undefined);
  return [
    ...subject(limit),
    ` ${partText(limit, "direction")} ${partText(limit, "value")}${limit.value === undefined ? ", in" : ""} `,
    part(limit, "unit"),
    months ? `, in ${partText(limit, "months")}` : null,
    non_detect && non_detect !== "zero" ? `, non-detects ${partText(limit, "non_detect")}` : null,
    ...more.flatMap((field) => [`, ${lowered(titleOf(field))}: `, part(limit, field)]),
    ...(action ? [". Action: ", part(limit, "action")] : []),
  ];
}

function part(limit: Written, which: Part): HTMLElement {
  return name(partText(limit, which));
}
