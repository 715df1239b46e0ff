// The chart of a series with its controls.

import { fill, h, id, name } from "../dom";
import { baseText, count, limitText, momentAt, seconds, unknownText } from "../format";
import type { LiveEvent } from "../live";
import { isOf } from "../model";
import { go, route } from "../route";
import { failed, loading } from "../states";
import { statisticWords } from "../statistics";
import { theme } from "../theme";
import type { Moment, Standing } from "../types";
import { siteZone } from "../zone";
import { caption } from "./caption";
import { type ChartData, inView, loadChart, type Span } from "./data";
import { exportCsv, exportPng } from "./export";
import { gestures, moved, STEP, within, ZOOM, zoomed } from "./gestures";
import { type Plot, plot } from "./plot";
import { readingsTable } from "./table";
import { tip } from "./tip";

const DAY = 86_400;
const RANGES: [string, number][] = [
  ["5 years", 1826 * DAY],
  ["1 year", 365 * DAY],
  ["90 days", 90 * DAY],
  ["30 days", 30 * DAY],
  ["7 days", 7 * DAY],
  ["24 hours", DAY],
];
/** A range with fewer readings than this is not offered. */
const LEAST = 2.5;
/** Details are loaded once the stretch has come to rest. */
const REST = 160;
/** New readings of the series are loaded at most this often. */
const LIVE_EVERY = 700;

export class ChartPanel {
  readonly region = h("section", { "aria-label": "Chart", class: "card chart-card" });
  #series: Standing | null = null;
  #siblings: Standing[] = [];
  #plot: Plot | null = null;
  #data: ChartData | null = null;
  #span: Span = { from: 0, to: 1 };
  /** The record when the series was last shown; the series itself changes as readings arrive. */
  #known: Span = { from: 0, to: 1 };
  #frame = 0;
  #rest: ReturnType<typeof setTimeout> | null = null;
  #abort = new AbortController();
  #tableShown = false;
  #qualityShown = false;
  /** The zone for which the axis was made. */
  #zone = "";
  /** The average interval between readings, in seconds. */
  #spacing = 0;
  #stale: ReturnType<typeof setTimeout> | null = null;

  readonly #title = h("div", { class: "chart-title" });
  readonly #host = h("div", { class: "plot", data: { testid: "chart" }, tabindex: "0", role: "group" });
  readonly #tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  readonly #caption = h("p", { class: "caption quiet", "aria-live": "polite" });
  readonly #ranges = h("div", { class: "ranges", role: "group", "aria-label": "Range" });
  readonly #table = h("div");
  readonly #message = h("div", { class: "chart-message" });
  readonly #quality = h("button", {
    type: "button",
    "aria-pressed": "false",
    hidden: true,
    text: "Show quality control",
    on: { click: () => this.#toggleQuality() },
  });
  readonly #observer = new ResizeObserver(() => this.#plot?.resize());
  readonly #endTheme = theme.listen(() => this.#plot?.redraw());

  constructor(readonly choose: (series: Standing) => void) {
    const step = (label: string, sign: string, change: (span: Span) => Span) =>
      h("button", {
        type: "button",
        class: "square",
        "aria-label": label,
        title: label,
        text: sign,
        on: { click: () => this.move(change(this.#span)) },
      });
    const toggle = h("button", { type: "button", "aria-pressed": "false", text: "Show as table" });
    toggle.addEventListener("click", () => {
      this.#tableShown = !this.#tableShown;
      toggle.setAttribute("aria-pressed", String(this.#tableShown));
      this.#drawTable();
    });
    const tools = h(
      "div",
      { class: "tools" },
      this.#ranges,
      h(
        "div",
        { class: "steps", role: "group", "aria-label": "Move" },
        step("Earlier", "‹", (span) => moved(span, -STEP)),
        step("Later", "›", (span) => moved(span, STEP)),
        step("Zoom in", "+", (span) => zoomed(span, ZOOM)),
        step("Zoom out", "−", (span) => zoomed(span, 1 / ZOOM)),
      ),
      h(
        "div",
        { class: "steps" },
        toggle,
        this.#quality,
        h("button", { type: "button", text: "Export CSV", on: { click: (event) => void this.#export(event, "csv") } }),
        h("button", { type: "button", text: "Export PNG", on: { click: (event) => void this.#export(event, "png") } }),
      ),
    );
    const frame = h("div", { class: "plot-frame" }, this.#host, this.#tip, this.#message);
    this.region.append(this.#title, tools, frame, legend(), this.#caption, this.#table);
    const area = () => this.#host.querySelector<HTMLElement>(".u-over")?.getBoundingClientRect();
    gestures(
      this.#host,
      area,
      () => this.#span,
      (span) => this.move(span),
      () => this.move(this.#record()),
    );
    this.#observer.observe(this.#host);
  }

  /** Shows a series; `siblings` are those the user can switch to. */
  show(series: Standing, siblings: Standing[]): void {
    const isSeries = this.#series?.id === series.id && this.#series.site === series.site;
    const same = isSeries && this.#zone === siteZone.get();
    this.#zone = siteZone.get();
    this.#siblings = siblings;
    const before = this.#known;
    this.#series = series;
    this.#known = this.#record();
    this.#drawTitle();
    if (same) {
      // A user who sees all of the record, or its end, sees it grow; one who sees a part of it stays there.
      const { from, to } = this.#span;
      if (from <= before.from && to >= before.to) this.#span = this.#known;
      else if (to >= before.to) this.#span = { from: from + this.#known.to - before.to, to: this.#known.to };
      this.#drawRanges();
      return;
    }
    this.#plot?.destroy();
    this.#data = null;
    this.#spacing = 0;
    this.#host.replaceChildren();
    this.#host.dataset.ready = "false";
    this.#host.setAttribute(
      "aria-label",
      `Chart of ${series.parameter}, outfall ${series.outfall}. Arrow keys move, plus and minus zoom, Home shows all.`,
    );
    this.#plot = plot(this.#host, typeof series.last === "number", (index, left) => this.#showTip(index, left));
    this.#span = within(this.#asked() ?? this.#record(), this.#record());
    this.#drawRanges();
    void this.#load(true);
  }

  /** New events: loads readings of this series. */
  note(events: LiveEvent[]): void {
    const series = this.#series;
    if (!series) return;
    const concerns = events.some(
      (event) =>
        (event.type === "reading" && isOf(series, event)) ||
        (event.type === "readings" && event.series.some((one) => one.series === series.id)) ||
        // The event does not say which series a withdrawn alert belonged to.
        (event.type === "alerts" &&
          (event.withdrawn.length > 0 || event.alerts.some((alert) => alert.series === series.id))),
    );
    if (concerns) this.reload(LIVE_EVERY);
  }

  /** Blanks, spikes and duplicates are shown on request. */
  #toggleQuality(): void {
    this.#qualityShown = !this.#qualityShown;
    this.#quality.setAttribute("aria-pressed", String(this.#qualityShown));
    void this.#load(true);
  }

  reload(within = 0): void {
    this.#stale ??= setTimeout(() => {
      this.#stale = null;
      void this.#load(true);
    }, within);
  }

  /** Moves to a time, with some context around it. */
  goTo(moment: Moment): void {
    const [at, record] = [seconds(moment), this.#record()];
    const width = Math.min(record.to - record.from, Math.max((record.to - record.from) / 4, 3600));
    this.move({ from: at - width / 2, to: at + width / 2 });
  }

  move(span: Span): void {
    this.#span = within(span, this.#record());
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#plot?.setSpan(this.#span);
    });
    if (this.#rest) clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#rested(), REST);
  }

  destroy(): void {
    this.#abort.abort();
    this.#observer.disconnect();
    this.#endTheme();
    for (const timer of [this.#rest, this.#stale]) if (timer) clearTimeout(timer);
    this.#plot?.destroy();
  }

  #record(): Span {
    const series = this.#series;
    if (!series) return { from: 0, to: 1 };
    const [from, to] = [seconds(series.first), seconds(series.last)];
    // Keeps the first and last reading off the edge, and leaves room around a single one.
    const room = to > from ? (to - from) * 0.02 : DAY / 2;
    return { from: from - room, to: to + room };
  }

  #asked(): Span | null {
    const { series, from, to } = route.get();
    if (series !== this.#series?.id || from === null || to === null) return null;
    const at = (text: string) => (/^-?[\d.e+-]+$/i.test(text) ? Number(text) * 3600 : Date.parse(text) / 1000);
    const span = { from: at(from), to: at(to) };
    return span.to > span.from ? span : null;
  }

  #isWhole(): boolean {
    const record = this.#record();
    return this.#span.to - this.#span.from >= (record.to - record.from) * 0.999;
  }

  #rested(): void {
    const hours = typeof this.#series?.last === "number";
    const whole = this.#isWhole();
    const [from, to] = whole ? [null, null] : [momentAt(this.#span.from, hours), momentAt(this.#span.to, hours)];
    go({ series: this.#series?.id ?? null, from, to }, true);
    this.#drawRanges();
    void this.#load(false);
  }

  async #load(anew: boolean): Promise<void> {
    const series = this.#series;
    if (!series) return;
    const known = this.#data;
    const wide = this.#span.to - this.#span.from;
    // With a screen on each side, so that a drag has something to show.
    const span = this.#isWhole() ? this.#record() : { from: this.#span.from - wide, to: this.#span.to + wide };
    const holds = known && known.span.from <= span.from && known.span.to >= span.to;
    if (!anew && holds && !known.downsampled) return this.#drawn();
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (!known) fill(this.#message, loading("Loading readings"));
    const pixels = Math.max(this.#host.clientWidth, 300);
    // A lowest and a highest for every two pixels of each loaded screen.
    const points = Math.min(Math.round(pixels * (this.#isWhole() ? 1 : 3)), 6000);
    try {
      const data = await loadChart(series, { span, points, qualityControl: this.#qualityShown }, signal);
      if (signal.aborted) return;
      this.#data = data;
      if (this.#isWhole()) this.#spacing = (span.to - span.from) / Math.max(data.total, 1);
      this.#drawRanges();
      fill(this.#message, data.points.length === 0 && h("p", { class: "quiet", text: "No readings here." }));
      this.#plot?.show(data, series.unit);
      this.#quality.hidden = data.qualityControl === 0 && !this.#qualityShown;
      this.#plot?.setSpan(this.#span);
      this.#drawn();
    } catch (error) {
      if (!signal.aborted)
        fill(
          this.#message,
          failed(error, () => void this.#load(true)),
        );
    }
  }

  #drawn(): void {
    const [data, series] = [this.#data, this.#series];
    if (!data || !series) return;
    const { from, to } = this.#span;
    const { points, exceedances } = inView(data, this.#span);
    const micros = (at: number) => String(Math.round(at * 1e6));
    Object.assign(this.#host.dataset, {
      ready: "true",
      points: String(points.length),
      total: String(data.total),
      exceedances: String(exceedances),
      from: micros(from),
      to: micros(to),
    });
    fill(this.#caption, ...caption(series, data, this.#span, this.#qualityShown));
    this.#drawTable();
  }

  #drawTable(): void {
    const [data, series] = [this.#data, this.#series];
    fill(this.#table, this.#tableShown && data && series ? readingsTable(series, data, this.#span) : null);
  }

  #drawTitle(): void {
    const series = this.#series as Standing;
    const selectId = id("series");
    const options = this.#siblings.map((one) =>
      h("option", {
        value: one.id,
        selected: one.id === series.id,
        text: `${baseText(one.base)}, ${one.unit || "no unit"}`,
      }),
    );
    const select = h("select", { id: selectId }, ...options);
    select.addEventListener("change", () => {
      const next = this.#siblings.find((one) => one.id === select.value);
      if (next) this.choose(next);
    });
    const limits = series.standings.map((one) => {
      const limit = limitText(one.direction, one.limit, one.unit);
      return one.statistic === "as_reported" ? limit : `${limit} (${statisticWords(one.statistic)})`;
    });
    const unknown = unknownText(series);
    const told = [...new Set(limits), ...(unknown ? [unknown] : [])];
    const text = told.length > 0 ? `Limit: ${told.join(", ")}` : "No limit in the permit speaks of it.";
    const focused = document.activeElement instanceof HTMLSelectElement && this.#title.contains(document.activeElement);
    fill(
      this.#title,
      h(
        "div",
        {},
        h("h3", {}, name(series.parameter)),
        h("p", { class: "quiet" }, "Outfall ", name(series.outfall), ` · ${text}`),
      ),
      h("div", { class: "choice" }, h("label", { for: selectId, text: "Series" }), select),
    );
    if (focused) select.focus();
  }

  #drawRanges(): void {
    const record = this.#record();
    const whole = record.to - record.from;
    const wide = this.#span.to - this.#span.from;
    const button = (text: string, pressed: boolean, span: () => Span) =>
      h("button", { type: "button", "aria-pressed": String(pressed), text, on: { click: () => this.move(span()) } });
    const near = (width: number) => Math.abs(wide - width) < width * 0.001;
    const focused = [...this.#ranges.children].indexOf(document.activeElement as Element);
    fill(
      this.#ranges,
      button("All", this.#isWhole(), () => this.#record()),
      ...RANGES.filter(([, width]) => width < whole * 0.96 && width > this.#spacing * LEAST).map(([text, width]) =>
        button(text, near(width), () => {
          const last = seconds((this.#series as Standing).last) + width * 0.02;
          return { from: last - width, to: last };
        }),
      ),
    );
    if (focused >= 0) (this.#ranges.children[focused] as HTMLElement | undefined)?.focus();
  }

  #showTip(index: number | null, left: number): void {
    const point = index === null ? undefined : this.#data?.points[index];
    this.#tip.hidden = !point || left < 0;
    if (!point) return;
    fill(this.#tip, ...tip(point));
    const over = this.#host.querySelector<HTMLElement>(".u-over");
    const [at, width] = [(over?.offsetLeft ?? 0) + left, this.#host.clientWidth];
    this.#tip.style.left = `${Math.min(Math.max(at, 80), width - 80)}px`;
  }

  async #export(event: Event, kind: "csv" | "png"): Promise<void> {
    const button = event.currentTarget as HTMLButtonElement;
    const [series, canvas, text] = [this.#series, this.#plot?.canvas(), button.textContent];
    if (!series) return;
    button.disabled = true;
    try {
      if (kind === "png" && canvas) await exportPng(series, canvas);
      if (kind === "csv") {
        await exportCsv(series, this.#span, (done, of) => {
          if (done < of) button.textContent = `${count(done)} of ${count(of)}`;
        });
      }
    } catch (error) {
      fill(this.#message, failed(error));
    } finally {
      button.disabled = false;
      button.textContent = text;
    }
  }
}

function legend(): HTMLElement {
  const entry = (className: string, text: string) =>
    h("li", {}, h("span", { class: `key ${className}`, "aria-hidden": "true" }), text);
  return h(
    "ul",
    { class: "legend", "aria-label": "Signs of the chart" },
    entry("key-reading", "reading"),
    entry("key-nondetect", "not detected, at its detection limit"),
    entry("key-limit", "permit limit"),
    entry("key-exceedance", "exceedance"),
    entry("key-control", "quality control, not judged"),
  );
}
