// The result of a fit: parameters with their errors, quality, warnings, the picture, and files to save.

import { download, h, id } from "../dom";
import { brief, counted, csv, exact } from "../format";
import { picture } from "./picture";
import type { Axes, Estimate, Result } from "./types";

export function resultPanel(result: Result, asked: Axes): HTMLElement {
  const { fit } = result;
  const axes = { ...asked, y: result.y_unit ?? asked.y };
  const heading = h("h2", { id: id("fit"), tabindex: "-1", text: "The fit" });
  const line = fit.form.kind === "linearised" ? `, as the straight line of ${fit.form.formula}` : "";
  return h(
    "section",
    { class: "card fit", "aria-labelledby": heading.id, data: { testid: "fit" } },
    heading,
    h("p", {}, h("code", { text: fit.formula }), line),
    ...fit.warnings.map(({ text }) => h("p", { class: "fit-warning" }, h("strong", { text: "Warning: " }), text)),
    parameters(fit.parameters, axes),
    h("p", { class: "quiet", data: { testid: "fit-quality" }, text: quality(result) }),
    picture(result, axes),
    h(
      "div",
      { class: "actions" },
      keep("Curve as CSV", "curve.csv", () => curveText(result, axes), "text/csv"),
      keep("Points as CSV", "points.csv", () => pointsText(result, axes), "text/csv"),
      keep("All as JSON", "fit.json", () => JSON.stringify(result, null, 2), "application/json"),
    ),
  );
}

function parameters(estimates: Estimate[], axes: Axes): HTMLElement {
  const number = (value: number | null) => h("td", { class: "number", text: value === null ? "–" : exact(value) });
  const row = (one: Estimate) =>
    h(
      "tr",
      { data: { testid: "parameter" } },
      h("th", { scope: "row" }, h("code", { text: one.name }), " ", h("span", { class: "quiet", text: one.label })),
      number(one.value),
      number(one.standard_error),
      h("td", { class: "number", text: between(one) }),
      h("td", {}, unitOf(one.unit, axes)),
    );
  const heads = ["Parameter", "Value", "Standard error", "95 % interval", "Unit"];
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { "aria-label": "Parameters" },
      h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col", text })))),
      h("tbody", {}, ...estimates.map(row)),
    ),
  );
}

function between({ fixed, at_bound: bound, lower_95: lower, upper_95: upper }: Estimate): string {
  if (fixed) return "held";
  if (bound !== null) return `at its ${bound} bound`;
  return lower === null || upper === null ? "–" : `${brief(lower)} to ${brief(upper)}`;
}

/** `1/x` becomes `1/days` if x is `days` or `Time (days)`. */
function unitOf(unit: string, axes: Axes): string {
  if (unit === "1") return "";
  const unitIn = (name: string) => /\(([^()]+)\)$/.exec(name)?.[1] ?? name;
  return unit.replace(/[xy]/g, (which) => {
    const of = unitIn(which === "x" ? axes.x : axes.y);
    return unit.length > 1 && /[/ *]/.test(of) ? `(${of})` : of;
  });
}

function quality({ fit }: Result): string {
  const left = fit.points_left_out > 0 ? `, ${fit.points_left_out} left out` : "";
  const named = [
    ["R²", fit.r_squared],
    ["residual standard deviation", fit.residual_sd],
    ["AICc", fit.aicc],
  ] as const;
  const numbers = named.filter(([, value]) => value !== null).map(([of, value]) => `${of} ${exact(value as number)}`);
  return [`${counted(fit.points, "point")}${left}`, ...numbers].join(" · ");
}

function keep(text: string, file: string, make: () => string, type: string): HTMLElement {
  const click = () => download(file, new Blob([make()], { type }));
  return h("button", { type: "button", text, on: { click } });
}

/** A missing value, such as the residual of a point that was left out, is an empty cell. */
const cell = (value: number | null) => value ?? "";

function curveText({ curve }: Result, axes: Axes): string {
  return csv([
    [axes.x, axes.y, "lower_95", "upper_95"],
    ...curve.map((point) => [point.x, point.y, point.lower_95, point.upper_95].map(cell)),
  ]);
}

function pointsText({ points }: Result, axes: Axes): string {
  return csv([[axes.x, axes.y, "residual"], ...points.map((point) => [point.x, point.y, point.residual].map(cell))]);
}
