// The canvas: a line of readings, limits across it, non-detects hollow, exceedances marked by colour and shape.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { brief } from "../format";
import { colour } from "../theme";
import type { Severity } from "../types";
import { siteZone } from "../zone";
import type { ChartData, LimitLine, Span } from "./data";

const FONT = "12px system-ui, sans-serif";
/** With more points than this in view, single dots cannot be told apart. */
const MOST_DOTS = 400;
/** A limit so many times beyond what is in view would flatten it; the caption names the limit instead. */
const FAR = 10;
/** Formats of dates and times by the step between them: the label, then what a new year, month or day adds. */
const TIMES: (string | number | null)[][] = [
  [365 * 86_400, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * 86_400, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [0.001, "{ss}.{fff}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, "\n{HH}:{mm}", null, 1],
];
/** Hours have steps that divide days. */
const HOUR_STEPS = [
  0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 72, 120, 240, 480, 720, 1440, 2400, 4800, 9600,
];

export interface Plot {
  canvas: () => HTMLCanvasElement | null;
  show: (data: ChartData, unit: string) => void;
  setSpan: (span: Span) => void;
  resize: () => void;
  redraw: () => void;
  destroy: () => void;
}

/** Makes the chart. `onCursor` is called with the point under the pointer, and its distance from the left. */
export function plot(host: HTMLElement, hours: boolean, onCursor: (index: number | null, left: number) => void): Plot {
  let data: ChartData | null = null;
  let chart: uPlot | null = null;

  const size = () => ({ width: Math.max(host.clientWidth, 200), height: Math.max(host.clientHeight, 180) });

  function make(unit: string): uPlot {
    const axis = (): Partial<uPlot.Axis> => ({
      font: FONT,
      labelFont: FONT,
      stroke: () => colour("quiet"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { stroke: () => colour("grid"), width: 1, size: 5 },
    });
    const options: uPlot.Options = {
      ...size(),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), siteZone.get()),
      legend: { show: false },
      padding: [12, 12, null, null],
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 9 } },
      scales: { x: { time: !hours, auto: false }, y: { range: yRange } },
      axes: [
        {
          ...axis(),
          ...(hours
            ? {
                incrs: HOUR_STEPS.map((step) => step * 3600),
                values: (_: uPlot, splits: number[]) => splits.map((at) => brief(at / 3600)),
              }
            : { values: TIMES }),
          label: hours ? "hours" : `time (${siteZone.get()})`,
          labelSize: 22,
          space: 70,
        },
        { ...axis(), label: unit || "value", labelSize: 22, size: yAxisSize, values: (_, splits) => splits.map(brief) },
      ],
      series: [
        {},
        { label: "reading", stroke: () => colour("line"), width: 1.5, points: { show: false }, spanGaps: true },
        {
          label: "limit",
          stroke: () => colour("limit"),
          width: 1.5,
          dash: [6, 4],
          points: { show: false },
          spanGaps: true,
        },
      ],
      hooks: {
        draw: [(u) => data && annotate(u, data)],
        setCursor: [(u) => onCursor(u.cursor.idx ?? null, u.cursor.left ?? 0)],
      },
    };
    return new uPlot(options, [[], [], []], host);
  }

  /** Room for what is in view, and for the limits near it. */
  function yRange(_: uPlot, min: number | null, max: number | null): [number, number] {
    if (min === null || max === null) return [0, 1];
    let [low, high] = [min, max];
    for (const { value } of data?.limits ?? []) {
      if (isNear(value, min, max)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
    const pad = (high - low || Math.abs(high) || 1) * 0.1;
    return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
  }

  return {
    canvas: () => host.querySelector("canvas"),
    show(next, unit) {
      data = next;
      chart ??= make(unit);
      // Readings that are not judged are not part of the line.
      const values = next.points.map((point) => (point.quality_control ? null : point.value));
      // Thousands of steep lines cost a third less to draw when thin, and look the same.
      if (chart.series[1]) chart.series[1].width = next.points.length > MOST_DOTS ? 1 : 1.5;
      const rowLimits = next.points.map((point) => point.limit ?? null);
      chart.setData([next.times, values, rowLimits], false);
    },
    setSpan({ from, to }) {
      chart?.setScale("x", { min: from, max: to });
    },
    resize() {
      chart?.setSize(size());
    },
    redraw() {
      chart?.redraw(false, true);
    },
    destroy() {
      chart?.destroy();
      chart = null;
    },
  };
}

export function isNear(limit: number, min: number, max: number): boolean {
  return limit <= max * FAR && (limit >= min / FAR || limit >= min - (max - min) * FAR);
}

/** As wide as its longest number. */
function yAxisSize(u: uPlot, values: string[] | null): number {
  const longest = (values ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
  if (longest === "") return 50;
  u.ctx.font = FONT.replace("12px", `${12 * devicePixelRatio}px`);
  return Math.ceil(u.ctx.measureText(longest).width / devicePixelRatio) + 18;
}

function annotate(u: uPlot, data: ChartData): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.scale(devicePixelRatio, devicePixelRatio);
  drawLimits(u, data.limits);
  labelRowLimit(u, data);
  drawReadings(u, data);
  for (const { at, value, severity } of data.marks) if (value !== null) mark(u, at, value, severity);
  ctx.restore();
}

const place = (u: uPlot, value: number, scale: "x" | "y") => u.valToPos(value, scale, true) / devicePixelRatio;

/** Each limit while it is in force, with its label at the last such stretch. */
function drawLimits(u: uPlot, limits: LimitLine[]): void {
  const { ctx, bbox } = u;
  const [left, right] = [bbox.left / devicePixelRatio, (bbox.left + bbox.width) / devicePixelRatio];
  ctx.strokeStyle = colour("limit");
  ctx.lineWidth = 1.5;
  const labelled: [number, number][] = [];
  for (const { value, direction, isBenchmark, spans } of limits) {
    const y = place(u, value, "y");
    ctx.setLineDash(isBenchmark ? [2, 4] : [6, 4]);
    let end = left;
    for (const { from, to } of spans) {
      const [begins, ends] = [Math.max(place(u, from, "x"), left), Math.min(place(u, to, "x"), right)];
      if (ends <= begins) continue;
      ctx.beginPath();
      ctx.moveTo(begins, y);
      ctx.lineTo(ends, y);
      ctx.stroke();
      end = Math.max(end, ends);
    }
    // Lines close together share one label.
    if (end === left || labelled.some(([x, other]) => Math.abs(other - y) < 14 && Math.abs(x - end) < 60)) continue;
    labelled.push([end, y]);
    label(u, y, `${isBenchmark ? "benchmark" : direction} ${brief(value)}`, Math.max(end, left + 70));
  }
  ctx.setLineDash([]);
}

function label(u: uPlot, y: number, text: string, end?: number): void {
  const { ctx, bbox } = u;
  ctx.font = FONT;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillStyle = colour("limit");
  ctx.fillText(text, (end ?? (bbox.left + bbox.width) / devicePixelRatio) - 6, y - 3);
}

/** Limits that come with readings are a line of their own, labelled at its right end. */
function labelRowLimit(u: uPlot, { points, times }: ChartData): void {
  const [first, last] = visible(u, times);
  const limit = points.slice(first, last).findLast((point) => point.limit !== undefined)?.limit;
  if (limit !== undefined) label(u, place(u, limit, "y"), `limit ${brief(limit)}`);
}

function drawReadings(u: uPlot, { points, times }: ChartData): void {
  const { ctx } = u;
  const [first, last] = visible(u, times);
  const dots = last - first <= MOST_DOTS;
  const background = colour("card");
  for (let index = first; index < last; index++) {
    const [point, at] = [points[index], times[index]];
    if (!point || at === undefined) continue;
    if (point.severity) {
      mark(u, at, point.value, point.severity);
      continue;
    }
    if (point.quality_control) {
      cross(u, at, point.value);
      continue;
    }
    if (!dots && point.qualifier !== "<") continue;
    ctx.beginPath();
    ctx.arc(place(u, at, "x"), place(u, point.value, "y"), point.qualifier === "<" ? 3.5 : 2.5, 0, 7);
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = colour("line");
    ctx.fillStyle = point.qualifier === "<" ? background : colour("line");
    ctx.fill();
    if (point.qualifier === "<") ctx.stroke();
  }
}

/** A result that is not judged. */
function cross(u: uPlot, at: number, value: number): void {
  const { ctx } = u;
  const [x, y] = [place(u, at, "x"), place(u, value, "y")];
  ctx.beginPath();
  for (const slope of [1, -1]) {
    ctx.moveTo(x - 3.5, y - 3.5 * slope);
    ctx.lineTo(x + 3.5, y + 3.5 * slope);
  }
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = colour("quiet");
  ctx.stroke();
}

function visible(u: uPlot, times: number[]): [number, number] {
  const { min, max } = u.scales.x ?? {};
  if (min == null || max == null) return [0, 0];
  const bound = (at: number) => {
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [bound(min), bound(max + 1e-6)];
}

/** The outline of the severity's sign, as in the list of incidents. */
function mark(u: uPlot, at: number, value: number, severity: Severity): void {
  const { ctx } = u;
  const [x, y] = [place(u, at, "x"), place(u, value, "y")];
  ctx.beginPath();
  for (const [index, [dx, dy]] of OUTLINES[severity].entries()) {
    if (index === 0) ctx.moveTo(x + dx, y + dy);
    else ctx.lineTo(x + dx, y + dy);
  }
  ctx.closePath();
  ctx.fillStyle = colour(severity);
  ctx.strokeStyle = colour("card");
  ctx.lineWidth = 1.5;
  ctx.fill();
  ctx.stroke();
}

const TRIANGLE: [number, number][] = [
  [0, -7],
  [7, 5.5],
  [-7, 5.5],
];
const OUTLINES: Record<Severity, [number, number][]> = {
  critical: [
    [-2.8, -6.5],
    [2.8, -6.5],
    [6.5, -2.8],
    [6.5, 2.8],
    [2.8, 6.5],
    [-2.8, 6.5],
    [-6.5, 2.8],
    [-6.5, -2.8],
  ],
  warning: TRIANGLE,
  watch: TRIANGLE,
  info: [
    [0, -6.5],
    [6.5, 0],
    [0, 6.5],
    [-6.5, 0],
  ],
};
