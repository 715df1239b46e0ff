// Light and dark: the system's choice, unless the user chooses.

import { h } from "./dom";
import { Signal } from "./signal";

const KEY = "owsc-theme";
type Theme = "light" | "dark";

const system = window.matchMedia("(prefers-color-scheme: dark)");
const chosen = (): Theme | null => {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
};

const colours = new Map<string, string>();
export const theme = new Signal<Theme>(current());

function current(): Theme {
  return chosen() ?? (system.matches ? "dark" : "light");
}

function apply(): void {
  document.documentElement.dataset.theme = current();
  colours.clear();
  theme.set(current());
}

system.addEventListener("change", apply);
apply();

export function button(): HTMLElement {
  const button = h("button", { type: "button", class: "quiet-button", text: "Dark theme" });
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, current() === "dark" ? "light" : "dark");
    apply();
  });
  theme.watch((now) => button.setAttribute("aria-pressed", String(now === "dark")));
  return button;
}

/** A colour of the style sheet, cached for the canvas: looking it up costs more than drawing a point. */
export function colour(name: string): string {
  let known = colours.get(name);
  if (known === undefined) {
    known = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, known);
  }
  return known;
}
