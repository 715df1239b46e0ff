// Points, curve and 95 % band, and below them the residuals.

import { s } from "../dom";
import type { Axes, Result } from "./types";

const [WIDTH, LEFT, RIGHT] = [720, 64, 12];
const UPPER = { top: 12, height: 300 };
const LOWER = { top: 356, height: 96 };
const HEIGHT = 500;
const TICKS = 5;

type Range = [number, number];

export function picture({ fit, curve, points }: Result, axes: Axes): SVGElement {
  const measured = points.filter((point) => point.x !== null && point.y !== null && point.residual !== null);
  const drawn = curve.filter((point) => point.y !== null);
  const x = scale(rangeOf([...measured, ...drawn].map((point) => point.x)), [LEFT, WIDTH - RIGHT]);
  const band = drawn.filter((point) => point.lower_95 !== null);
  const ys = [...measured, ...drawn].map(({ y }) => y);
  // A band that diverges at the ends would flatten the points.
  const y = scale(wide(rangeOf(ys)), [UPPER.top + UPPER.height, UPPER.top]);
  const residual = scale(wide(rangeOf([0, ...measured.map((point) => point.residual)])), [
    LOWER.top + LOWER.height,
    LOWER.top,
  ]);
  const line = (list: { x: number; at: number }[]) =>
    list.map(({ x: place, at }, index) => `${index ? "L" : "M"}${x.at(place)} ${at}`).join("");
  const edge = (of: "lower_95" | "upper_95") => band.map((point) => ({ x: point.x, at: y.at(point[of] as number) }));
  const inside = `${line(edge("upper_95"))}${line(edge("lower_95").reverse()).replace("M", "L")}Z`;
  const title = `${fit.formula}: ${fit.points} points, the fitted curve with its 95 % band, and the residuals`;
  return s(
    "svg",
    { class: "fit-picture", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title },
    ...grid(x, y, UPPER),
    ...grid(x, residual, LOWER),
    s(
      "svg",
      { x: 0, y: UPPER.top, width: WIDTH, height: UPPER.height, viewBox: `0 ${UPPER.top} ${WIDTH} ${UPPER.height}` },
      s("path", { class: "fit-band", d: band.length > 1 ? inside : "" }),
    ),
    s("path", { class: "fit-curve", d: line(drawn.map((point) => ({ x: point.x, at: y.at(point.y as number) }))) }),
    ...measured.map((point) => dot(x.at(point.x as number), y.at(point.y as number))),
    s("path", { class: "fit-zero", d: `M${LEFT} ${residual.at(0)}H${WIDTH - RIGHT}` }),
    ...measured.map((point) => dot(x.at(point.x as number), residual.at(point.residual as number))),
    label(axes.x, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8),
    upright(axes.y, UPPER),
    upright("residual", LOWER),
  );
}

interface Scale {
  range: Range;
  at: (value: number) => number;
}

function scale(range: Range, [from, to]: Range): Scale {
  const [low, high] = range;
  const at = (value: number) => Number((from + ((value - low) / (high - low || 1)) * (to - from)).toFixed(2));
  return { range, at };
}

function rangeOf(values: (number | null)[]): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === null) continue;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return low <= high ? [low, high] : [0, 1];
}

function wide([low, high]: Range): Range {
  const more = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - more, high + more];
}

/** Round numbers within a range, and the number of decimals that tells them apart. */
function ticks([low, high]: Range): { values: number[]; decimals: number } {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const values = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function grid(x: Scale, y: Scale, { top, height }: { top: number; height: number }): SVGElement[] {
  const bottom = top + height;
  const [across, up] = [ticks(x.range), ticks(y.range)];
  return [
    ...up.values.flatMap((value) => [
      s("path", { class: "fit-grid", d: `M${LEFT} ${y.at(value)}H${WIDTH - RIGHT}` }),
      label(tickText(value, up.decimals), LEFT - 8, y.at(value) + 4, "end"),
    ]),
    ...across.values.flatMap((value) => [
      s("path", { class: "fit-grid", d: `M${x.at(value)} ${top}V${bottom}` }),
      label(tickText(value, across.decimals), x.at(value), bottom + 17),
    ]),
  ];
}

function tickText(value: number, decimals: number): string {
  const isFar = value !== 0 && (Math.abs(value) >= 1e7 || decimals > 6);
  // `+ 0` turns -0 into 0.
  return isFar
    ? value.toExponential(2)
    : (Number(value.toFixed(decimals)) + 0).toLocaleString("en-US", { maximumFractionDigits: decimals });
}

function dot(x: number, y: number): SVGElement {
  return s("circle", { class: "fit-point", cx: x, cy: y, r: 3.5 });
}

function label(text: string, x: number, y: number, anchor = "middle"): SVGElement {
  return s("text", { class: "fit-label", x, y, "text-anchor": anchor }, text);
}

function upright(text: string, { top, height }: { top: number; height: number }): SVGElement {
  const [x, y] = [14, top + height / 2];
  return s("text", { class: "fit-label", x, y, "text-anchor": "middle", transform: `rotate(-90 ${x} ${y})` }, text);
}
