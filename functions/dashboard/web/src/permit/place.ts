// What saving does: correct the version shown, or start a new one on a day.

import { fill, h, id } from "../dom";
import type { Permit } from "../types";
import { inForce, shownVersion, timeText } from "./versions";

/** Where limits are saved: the query of `PUT` and of the preview, or what is missing. */
export type Target = { query: { effective_from?: string }; words: string } | { problem: string };

export interface PlaceChoice {
  element: HTMLElement;
  /** Initially, a correction of the version shown. */
  set: (permit: Permit) => void;
  /** Keeps the choice when the permit is reloaded. */
  rebase: (permit: Permit) => void;
  target: () => Target;
  /** Moves to the field in which `target` finds an error. */
  focus: () => void;
}

export function placeChoice(changed: () => void): PlaceChoice {
  const group = id("place");
  const radio = (value: string) => h("input", { type: "radio", id: id("place"), name: group, value });
  const [correct, renew] = [radio("correct"), radio("renew")];
  const hints = {
    correct: h("p", { class: "quiet", id: id("hint") }),
    renew: h("p", { class: "quiet", id: id("hint") }),
  };
  correct.setAttribute("aria-describedby", hints.correct.id);
  renew.setAttribute("aria-describedby", hints.renew.id);
  const day = h("input", { type: "date", id: id("day"), disabled: true, "aria-describedby": hints.renew.id });
  const correctLabel = h("label", { for: correct.id });
  let permit: Permit | null = null;

  const element = h(
    "fieldset",
    { class: "place" },
    h("legend", { text: "What saving does" }),
    h("div", { class: "check" }, correct, correctLabel),
    hints.correct,
    h("div", { class: "check" }, renew, h("label", { for: renew.id, text: "New permit from a date" })),
    h("div", { class: "field" }, h("label", { for: day.id, text: "First day" }), day),
    hints.renew,
  );

  function draw(): void {
    if (!permit) return;
    const shown = shownVersion(permit);
    day.disabled = !renew.checked;
    fill(correctLabel, shown ? `Correct this permit (version ${shown.version})` : "Make it this site's permit");
    fill(
      hints.correct,
      !shown
        ? "It takes the place of the built-in limits for all of the site's readings."
        : isClosed(permit)
          ? "A version that has been in force from the beginning can no longer be corrected once another follows it."
          : `Its limits are replaced. What was measured ${timeText(permit, shown)} is judged again by them.`,
    );
    fill(hints.renew, renewal(permit, renew.checked ? day.value : ""));
  }

  element.addEventListener("input", () => {
    day.removeAttribute("aria-invalid");
    draw();
    changed();
  });
  return {
    element,
    set(next) {
      permit = next;
      correct.disabled = isClosed(next);
      correct.checked = !correct.disabled;
      renew.checked = correct.disabled;
      day.value = "";
      draw();
    },
    rebase(next) {
      permit = next;
      draw();
    },
    target() {
      if (!permit) return { problem: "The permit is not loaded yet." };
      if (renew.checked) {
        if (day.value === "") return { problem: "A new permit needs its first day." };
        return { query: { effective_from: day.value }, words: `from ${day.value}` };
      }
      const shown = shownVersion(permit);
      const words = shown ? timeText(permit, shown) : "from the beginning";
      const isInForce = !shown || shown === inForce(permit);
      return { query: isInForce || !shown?.effective_from ? {} : { effective_from: shown.effective_from }, words };
    },
    focus() {
      day.setAttribute("aria-invalid", "true");
      day.focus();
    },
  };
}

/** Whether the version shown can no longer be changed, because it has no day to name it by. */
function isClosed(permit: Permit): boolean {
  const shown = shownVersion(permit);
  return shown !== undefined && shown.effective_from === null && shown !== inForce(permit);
}

function renewal(permit: Permit, day: string): string {
  if (day === "") return "Periods that begin before its first day stay as they are.";
  const same = permit.versions.find(({ effective_from }) => effective_from === day);
  if (same) return `Version ${same.version} begins on that day: it is replaced.`;
  const after = permit.versions.find(({ effective_from }) => effective_from !== null && effective_from > day);
  const until = after ? `, until version ${after.version} begins on ${after.effective_from}` : "";
  const isFirst = permit.versions.length === 0;
  const before = isFirst
    ? "The site has no permit before that day: nothing is judged then but limits that come with readings."
    : "Periods that begin before it stay as they are.";
  return `Periods that begin on ${day} or later are judged by these limits${until}. ${before}`;
}
