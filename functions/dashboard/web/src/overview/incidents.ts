// Alerts by time, the latest first: what, by how much, and what to do.

import { get } from "../api";
import { fill, h, hidden, id, name } from "../dom";
import {
  baseText,
  beyondText,
  CONDITION_NAMES,
  count,
  counted,
  limitText,
  periodText,
  quantity,
  SEVERITIES,
  sameName,
  seconds,
  waterText,
} from "../format";
import { icon } from "../icons";
import type { LiveEvent } from "../live";
import { site } from "../model";
import { failed, loading } from "../states";
import { statisticText } from "../statistics";
import type { Alert, Severity } from "../types";

const PAGE = 50;

export class Incidents {
  readonly region = h("section", { "aria-label": "Incidents", class: "card incidents" });
  readonly #list = h("ol", { class: "timeline" });
  readonly #foot = h("div", { class: "timeline-foot" });
  readonly #summary = h("p", { class: "quiet", "aria-live": "polite" });
  readonly #announce = h("p", { class: "hidden", role: "status" });
  readonly #shown = new Set<Severity>(SEVERITIES);
  #alerts = new Map<string, Alert>();
  #fresh = new Set<string>();
  #outfall: string | null = null;
  #next: string | null = null;
  #loaded = 0;

  /** `goTo` is called with the alert whose time the user wants to see. */
  constructor(readonly goTo: (alert: Alert) => void) {
    this.region.append(
      h("div", { class: "card-head" }, h("h3", { text: "Incidents" }), this.#summary),
      h(
        "fieldset",
        { class: "levels" },
        h("legend", { class: "hidden", text: "Levels" }),
        ...SEVERITIES.map((level) => this.#levelChoice(level)),
      ),
      this.#announce,
      this.#list,
      this.#foot,
    );
  }

  /** Loads the incidents of an outfall, or of all. */
  async load(outfall: string | null): Promise<void> {
    const turn = ++this.#loaded;
    this.#outfall = outfall;
    if (this.#alerts.size === 0) fill(this.#foot, loading("Loading incidents"));
    try {
      const page = await this.#page(null);
      if (turn !== this.#loaded) return;
      this.#alerts = new Map(page.alerts.map((alert) => [alert.id, alert]));
      this.#next = page.next;
      this.#draw();
    } catch (error) {
      if (turn === this.#loaded)
        fill(
          this.#foot,
          failed(error, () => void this.load(outfall)),
        );
    }
  }

  note(events: LiveEvent[]): void {
    const heard: Alert[] = [];
    for (const event of events) {
      if (event.type !== "alerts") continue;
      for (const gone of event.withdrawn) this.#alerts.delete(gone);
      for (const alert of event.alerts) {
        if (this.#outfall !== null && !sameName(alert.outfall, this.#outfall)) continue;
        this.#alerts.set(alert.id, alert);
        this.#fresh.add(alert.id);
        heard.push(alert);
      }
    }
    if (heard.length === 0 && !events.some((event) => event.type === "alerts")) return;
    this.#draw();
    const worst = heard.find((alert) => alert.severity === "critical") ?? heard[0];
    if (worst) {
      const more = heard.length > 1 ? ` and ${counted(heard.length - 1, "more")}` : "";
      this.#announce.textContent = `New: ${CONDITION_NAMES[worst.severity]}, ${worst.parameter}, ${beyondText(worst)}${more}.`;
    }
  }

  #page(cursor: string | null): Promise<{ alerts: Alert[]; next: string | null }> {
    return get("/api/alerts", { site: site(), outfall: this.#outfall, severity: this.#mildest(), limit: PAGE, cursor });
  }

  /** Fields that the server may leave out. */
  #mildest(): Severity {
    return [...SEVERITIES].reverse().find((level) => this.#shown.has(level)) ?? "critical";
  }

  #levelChoice(level: Severity): HTMLElement {
    const box = h("input", { type: "checkbox", id: id("level"), checked: true });
    box.addEventListener("change", () => {
      if (box.checked) this.#shown.add(level);
      else this.#shown.delete(level);
      this.#draw();
      void this.load(this.#outfall);
    });
    return h(
      "label",
      { class: "level condition", for: box.id, data: { state: level } },
      box,
      icon(level),
      CONDITION_NAMES[level],
    );
  }

  #draw(): void {
    const shown = [...this.#alerts.values()].filter((alert) => this.#shown.has(alert.severity));
    shown.sort((a, b) => seconds(b.time) - seconds(a.time) || a.parameter.localeCompare(b.parameter));
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    fill(this.#list, ...shown.map((alert) => this.#entry(alert)));
    if (focused)
      this.#list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    fill(
      this.#summary,
      shown.length === 0 ? "" : this.#next ? `the latest ${count(shown.length)}` : counted(shown.length, "exceedance"),
    );
    const hiddenLevels = this.#shown.size < SEVERITIES.length;
    const none = h(
      "p",
      { class: "none" },
      icon("ok"),
      hiddenLevels ? "No exceedance of these levels." : "No exceedance on record.",
    );
    const more = h("button", { type: "button", text: "Show more", on: { click: () => void this.#more() } });
    fill(this.#foot, shown.length === 0 && !this.#next && none, this.#next && more);
  }

  async #more(): Promise<void> {
    try {
      const page = await this.#page(this.#next);
      for (const alert of page.alerts) this.#alerts.set(alert.id, alert);
      this.#next = page.next;
      this.#draw();
    } catch (error) {
      fill(
        this.#foot,
        failed(error, () => void this.#more()),
      );
    }
  }

  #entry(alert: Alert): HTMLElement {
    const value = quantity(alert.value, alert.qualifier, alert.unit);
    const statistic = alert.statistic === "as_reported" ? baseText(alert.base) : statisticText(alert.statistic);
    return h(
      "li",
      {
        class: this.#fresh.has(alert.id) ? "incident fresh" : "incident",
        data: { testid: "incident", severity: alert.severity, id: alert.id },
      },
      h(
        "span",
        { class: "condition", data: { state: alert.severity } },
        icon(alert.severity),
        hidden(CONDITION_NAMES[alert.severity]),
      ),
      h(
        "div",
        { class: "incident-body" },
        h(
          "div",
          { class: "incident-head" },
          h(
            "button",
            { type: "button", class: "link", data: { key: alert.id }, on: { click: () => this.goTo(alert) } },
            name(alert.parameter),
            hidden(", show in the chart"),
          ),
          h("span", { class: "when quiet", text: periodText(alert.period) }),
        ),
        h(
          "p",
          { class: "what" },
          h("strong", { text: value }),
          ` · ${limitText(alert.direction, alert.limit, alert.unit)} · `,
          h("strong", { text: beyondText(alert) }),
        ),
        h("p", { class: "quiet" }, `${statistic}, outfall `, name(alert.outfall), version(alert)),
        alert.water && h("p", { class: "quiet", data: { testid: "water" }, text: waterText(alert.water) }),
        alert.kind === "benchmark" && h("p", { class: "kind", text: "Beyond a benchmark, which is no violation." }),
        alert.detection_limit_above_limit &&
          h("p", { class: "kind", text: "Not detected, but its detection limit is above the limit." }),
        alert.action && h("p", { class: "action", data: { testid: "action" } }, h("bdi", { text: alert.action })),
      ),
    );
  }
}

/** The version of the permit by which it was judged. */
function version({ permit_version }: Alert): string {
  return permit_version > 0 ? `, permit version ${permit_version}` : "";
}
