// The form for a fit: a model, and points that are pasted or come from readings.

import { fill, h, id } from "../dom";
import { baseText, isHours, momentInput } from "../format";
import { overview } from "../model";
import type { Standing } from "../types";
import { readColumns } from "./points";
import type { Axes, Model, Wanted } from "./types";

const WEIGHTS = [
  ["none", "All points alike"],
  ["inverse_y", "Errors grow with the root of y"],
  ["inverse_y_squared", "Errors are a share of y"],
] as const;

const EXAMPLE = "hours\tmg/L\n0\t50.2\n2\t40.7\n4\t33.6\n8\t22.4\n12\t15.1\n24\t4.6";

/** `ask` is called with the request; `wrong` with the reason why there is none. */
export function fitForm(models: Model[], ask: (wanted: Wanted, axes: Axes) => void, wrong: (text: string) => void) {
  const model = h("select", {}, ...models.map((one) => h("option", { value: one.id, text: one.label })));
  const formula = h("p", { class: "quiet" });
  const linear = h("input", { type: "checkbox" });
  const linearLabel = h("label", { class: "check" }, linear, " Fit the straight line of textbooks instead");
  const weights = h("select", {}, ...WEIGHTS.map(([value, text]) => h("option", { value, text })));
  const source = h(
    "select",
    {},
    h("option", { value: "points", text: "Points that I paste" }),
    h("option", { value: "series", text: "What was measured" }),
  );
  const points = h("textarea", { rows: 10, spellcheck: "false", placeholder: EXAMPLE });
  const series = h("select");
  const [from, to] = [h("input", { type: "date" }), h("input", { type: "date" })];
  const pasted = field("Points", points, "x and y, a point on each line; from a spreadsheet, or separated by a comma.");
  const measured = h(
    "div",
    { class: "fit-series" },
    field("Series", series, "x is hours since the first reading. Values below detection are left out."),
    field("From", from),
    field("To", to),
  );
  const button = h("button", { type: "submit", class: "primary", text: "Fit" });
  const form = h(
    "form",
    { class: "card fit-form" },
    h("h2", { text: "Kinetics and sorption" }),
    field("Model", model),
    formula,
    linearLabel,
    field("Weights", weights),
    field("Points from", source),
    pasted,
    measured,
    h("div", { class: "actions" }, button),
  );

  const chosen = () => models.find((one) => one.id === model.value);

  function choose(): void {
    formula.textContent = chosen()?.formula ?? "";
    linearLabel.hidden = !chosen()?.has_line;
    if (linearLabel.hidden) linear.checked = false;
    weights.disabled = linear.checked;
    pasted.hidden = source.value !== "points";
    measured.hidden = source.value === "points";
    const hours = isHours(all.find((one) => one.id === series.value)?.last ?? "");
    for (const input of [from, to]) momentInput(input, hours);
  }

  function wanted(): [Wanted, Axes] {
    const asked = { model: model.value, linear: linear.checked, weights: linear.checked ? "none" : weights.value };
    if (source.value === "points") {
      const { names, ...columns } = readColumns(points.value);
      const [x, y] = names ?? ["x", "y"];
      return [
        { ...asked, points: columns },
        { x, y },
      ];
    }
    const one = all.find((known) => known.id === series.value);
    if (!one) throw new Error("There is no series to fit.");
    const period = { from: from.value || null, to: to.value || null };
    return [
      { ...asked, series: { site: one.site, series: one.id, ...period } },
      { x: "h", y: one.unit },
    ];
  }

  let all: Standing[] = [];
  let drawn = "";
  const unwatch = overview.watch((loaded) => {
    // Keep the selection while the list is reloaded.
    if (loaded.state !== "ready") return;
    all = loaded.value.series;
    const texts = all.map((one) => `${one.parameter} · ${one.outfall} · ${baseText(one.base)} · ${one.unit}`);
    const list = all.map((one, index) => `${one.id} ${texts[index]}`).join("\n");
    if (list === drawn) return;
    drawn = list;
    const last = series.value;
    const options = all.map((one, index) =>
      h("option", { value: one.id, text: texts[index], selected: one.id === last }),
    );
    fill(series, ...options);
    choose();
  });

  for (const one of [model, linear, source, series]) one.addEventListener("change", choose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      ask(...wanted());
    } catch (error) {
      wrong(error instanceof Error ? error.message : String(error));
    }
  });
  choose();
  return {
    element: form,
    end: unwatch,
    focus: () => button.focus(),
    /** Whether the user has just submitted, and is doing nothing else in the form. */
    isAsking: () => document.activeElement === button || document.activeElement === document.body,
  };
}

function field(label: string, input: HTMLElement, hint = ""): HTMLElement {
  input.id = id("fit");
  const about = hint === "" ? null : h("p", { id: id("hint"), class: "quiet", text: hint });
  if (about) input.setAttribute("aria-describedby", about.id);
  return h("div", { class: "field" }, h("label", { for: input.id, text: label }), input, about);
}
