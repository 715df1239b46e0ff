// Displays of loading, failure and absence.

import { ApiError } from "./api";
import { h } from "./dom";
import { hashOf, route } from "./route";

export function loading(what: string): HTMLElement {
  return h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), what);
}

/** The error in the server's words, with the request id for its log. */
export function failed(error: unknown, again?: () => void): HTMLElement {
  const known = error instanceof ApiError ? error : null;
  const text = error instanceof Error ? error.message : String(error);
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", {}, h("strong", { text: known?.status === 0 ? "No connection. " : "That did not work. " }), text),
    known?.requestId ? h("p", { class: "quiet" }, "Request ", h("code", { text: known.requestId })) : null,
    again && h("button", { type: "button", text: "Try again", on: { click: () => again() } }),
  );
}

export function empty(title: string, text: string): HTMLElement {
  return h(
    "div",
    { class: "empty", data: { testid: "empty" } },
    h("h3", { text: title }),
    h("p", { text }),
    h("a", { class: "button primary", href: hashOf({ ...route.get(), view: "upload" }), text: "Upload a file" }),
  );
}
