// A system notification on critical alerts, for those who want it.

import { h } from "./dom";
import { beyondText, quantity } from "./format";
import { happenings } from "./model";
import type { Alert } from "./types";

const KEY = "owsc-notify";
/** A burst of alerts is one notification. */
const MOST = 3;

const supported = "Notification" in window;
const wanted = () => supported && localStorage.getItem(KEY) === "1" && Notification.permission === "granted";

export function button(): HTMLElement {
  const button = h("button", { type: "button", class: "quiet-button", text: "Notify me" });
  const draw = () => {
    button.setAttribute("aria-pressed", String(wanted()));
    const refused = supported && Notification.permission === "denied";
    button.title = refused ? "The browser refuses notifications of this page" : "A notification on critical alerts";
  };
  button.hidden = !supported;
  button.addEventListener("click", async () => {
    const on = !wanted() && (await Notification.requestPermission()) === "granted";
    localStorage.setItem(KEY, on ? "1" : "0");
    draw();
  });
  draw();
  return button;
}

happenings.listen((events) => {
  if (!wanted()) return;
  const critical = events
    .flatMap((event) => (event.type === "alerts" ? event.alerts : []))
    .filter((alert) => alert.severity === "critical");
  if (critical.length > MOST) {
    show(
      `${critical.length} critical exceedances`,
      critical
        .map((alert) => alert.parameter)
        .slice(0, 10)
        .join(", "),
      "many",
    );
  } else {
    for (const alert of critical) show(title(alert), alert.action, alert.id);
  }
});

function title(alert: Alert): string {
  const value = quantity(alert.value, alert.qualifier, alert.unit);
  return `Critical: ${alert.parameter} ${value}, ${beyondText(alert)} (outfall ${alert.outfall})`;
}

function show(text: string, body: string, tag: string): void {
  // The same alert in several tabs is one notification.
  const notification = new Notification(text, { body, tag });
  notification.addEventListener("click", () => {
    window.focus();
    notification.close();
  });
}
