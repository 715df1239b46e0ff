// A note while verdicts are pending.

import { h } from "../dom";
import { count } from "../format";

export interface PendingNote {
  element: HTMLElement;
  draw: (pending: number) => void;
}

export function pendingNote(): PendingNote {
  // Announced once at the start. The number left changes all the time, and is only shown.
  const said = h("span", { role: "status" });
  const left = h("span", { class: "number" });
  const element = h("p", { class: "pending quiet", data: { testid: "pending" } }, said, left);
  const set = (part: HTMLElement, text: string) => {
    if (part.textContent !== text) part.textContent = text;
  };
  return {
    element,
    draw(pending) {
      const any = pending > 0;
      element.classList.toggle("any", any);
      set(said, any ? "Verdicts are still being worked out" : "");
      set(left, any ? ` · ${count(pending)} left` : "");
    },
  };
}
