// That verdicts are still being worked out, until they are.

import { h } from "../dom";
import { count } from "../format";

export interface PendingNote {
  element: HTMLElement;
  draw: (pending: number) => void;
}

export function pendingNote(): PendingNote {
  // Said once when it begins. How much is left changes all the time, and is there for who looks.
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
