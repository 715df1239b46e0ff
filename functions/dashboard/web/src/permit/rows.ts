// Converts the limits of a permit to a table of inputs, and back.

import { fill, h, hidden, id } from "../dom";
import { formula, formulas, statistic, statistics } from "../statistics";
import type { Formula, Limit } from "../types";
import { type MoreRow, moreRow, numeric, written } from "./more";
import {
  DIRECTIONS,
  type Field,
  MORE_FIELDS,
  type MoreField,
  NON_DETECTS,
  numberOf,
  TITLES,
  type Written,
} from "./words";

const FIELDS = Object.keys(TITLES) as Field[];

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
type Row = Record<Field, Input>;

interface Entry {
  row: Row;
  more: MoreRow;
  elements: HTMLTableRowElement[];
}

export class LimitRows {
  readonly table: HTMLElement;
  readonly #body = h("tbody");
  #rows: Entry[] = [];

  constructor(readonly changed: () => void) {
    const heads = FIELDS.map((field) => h("th", { scope: "col", text: TITLES[field] }));
    this.table = h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Limits, scrollable" },
      h(
        "table",
        { "aria-label": "Limits", class: "limits" },
        h("thead", {}, h("tr", {}, ...heads, h("td", {}, hidden("More, and remove")))),
        this.#body,
      ),
    );
    this.#body.addEventListener("input", (event) => {
      if (event.target instanceof HTMLElement) clearProblem(event.target);
      changed();
    });
  }

  set(limits: Limit[]): void {
    this.#rows = [];
    fill(this.#body);
    for (const limit of limits) this.#append(limit);
  }

  /** A new limit, with the focus in it. */
  add(): void {
    this.#append({ parameter: "", unit: "mg/L", direction: "max", statistic: "instant" });
    this.changed();
    this.#rows.at(-1)?.row.parameter.focus();
  }

  get(): Written[] {
    return this.#rows.map(limitOf);
  }

  /** Shows the server's error about `limits[2].value`. Returns errors that belong to no input. */
  problems(fields: { field: string; reason: string }[]): string[] {
    const rest: string[] = [];
    let first: Input | null = null;
    for (const { field, reason } of fields) {
      const [, index, key] = /^limits\[(\d+)\]\.?(\w*)$/.exec(field) ?? [];
      const entry = index === undefined ? undefined : this.#rows[Number(index)];
      const input = entry && inputOf(entry, key || "parameter");
      if (entry && input) {
        if (entry.more.element.contains(input)) entry.more.open(true);
        problem(input, reason);
        first ??= input;
      } else {
        rest.push(field ? `${field}: ${reason}` : reason);
      }
    }
    first?.focus();
    return rest;
  }

  clearProblems(): void {
    for (const { row, more } of this.#rows)
      for (const input of [...Object.values(row), ...Object.values(more.inputs)]) clearProblem(input);
  }

  #append(limit: Limit): void {
    const row = inputs(limit);
    const more = moreRow(limit, FIELDS.length + 1);
    const remove = h("button", { type: "button", class: "square remove", text: "×" });
    const element = h(
      "tr",
      {},
      ...FIELDS.map((field) => h("td", { class: `field-${field}` }, row[field])),
      h("td", {}, h("div", { class: "row-buttons" }, more.button, remove)),
    );
    const entry = { row, more, elements: [element, more.element] };
    remove.addEventListener("click", () => {
      const index = this.#rows.indexOf(entry);
      this.#rows.splice(index, 1);
      for (const one of entry.elements) one.remove();
      this.#number();
      this.changed();
      (this.#rows[index] ?? this.#rows[index - 1])?.row.parameter.focus();
    });
    const adaptIt = () => adapt(row, more);
    row.statistic.addEventListener("change", adaptIt);
    more.inputs.formula.addEventListener("change", () => {
      // A number that is entered there is in its own unit.
      const chosen = formula(more.inputs.formula.value);
      if (chosen?.gives_limit) row.unit.value = chosen.unit;
      adaptIt();
    });
    adaptIt();
    this.#rows.push(entry);
    this.#body.append(...entry.elements);
    this.#number();
  }

  #number(): void {
    this.#rows.forEach(({ row, more, elements }, index) => {
      for (const field of FIELDS) row[field].setAttribute("aria-label", `${TITLES[field]} ${index + 1}`);
      more.number(index + 1);
      const remove = elements[0]?.querySelector(".remove");
      remove?.setAttribute("aria-label", `Remove limit ${index + 1}`);
      remove?.setAttribute("title", `Remove limit ${index + 1}`);
    });
  }
}

/** The input for a key of a limit. The key of a statistic's number depends on the statistic. */
function inputOf({ row, more }: Entry, key: string): Input | undefined {
  const keys = statistics().map(({ argument }) => argument?.key);
  return keys.includes(key) ? row.number : (row[key as Field] ?? more.inputs[key as MoreField]);
}

function inputs(limit: Limit): Row {
  const text = (value: string, size: number, attributes = {}) =>
    h("input", { type: "text", value, size, autocomplete: "off", spellcheck: "false", ...attributes });
  const select = (options: Record<string, string>, value: string) =>
    h(
      "select",
      {},
      ...Object.entries(options).map(([key, label]) =>
        h("option", { value: key, text: label, selected: key === value }),
      ),
    );
  const labels = Object.fromEntries(statistics().map(({ name, label }) => [name, label.replace("{}", "…")]));
  return {
    parameter: text(limit.parameter, 16, { required: true }),
    outfall: text(limit.outfall ?? "", 5, { placeholder: "all" }),
    statistic: select(labels, limit.statistic),
    number: h("input", { type: "number", value: numberOf(limit) ?? "", size: 4 }),
    direction: select(DIRECTIONS, limit.direction),
    value: h("input", {
      type: "number",
      min: 0,
      step: "any",
      value: limit.value ?? "",
      size: 8,
      required: true,
    }),
    unit: text(limit.unit, 8),
    months: text((limit.months ?? []).join(", "), 8, { placeholder: "all" }),
    non_detect: select(NON_DETECTS, limit.non_detect ?? "zero"),
    action: h("textarea", {
      rows: 1,
      cols: 24,
      text: limit.action ?? "",
      placeholder: "built-in advice",
    }),
  };
}

/** Fields that a statistic or a formula does not use are disabled. */
function adapt(row: Row, { inputs }: MoreRow): void {
  const chosen = formula(inputs.formula.value);
  const keys = (of: readonly Formula[]) => of.flatMap(({ needs }) => needs.map(({ key }) => key));
  const all = new Set(keys(formulas()));
  const own = chosen ? keys([chosen]) : [];
  for (const field of MORE_FIELDS) if (all.has(field)) inputs[field].disabled = !own.includes(field);
  row.value.disabled = chosen?.gives_limit ?? false;
  const of = statistic(row.statistic.value);
  const { number } = row;
  number.disabled = !of?.argument;
  if (of?.argument) {
    const { label, least, most, is_whole } = of.argument;
    for (const [name, value] of Object.entries({ min: least, max: most, step: is_whole ? 1 : "any", title: label }))
      number.setAttribute(name, String(value));
    // The built-in permit has a mean of three.
    if (number.value === "" && is_whole) number.value = String(Math.max(least, 3));
  } else {
    number.value = "";
    number.removeAttribute("title");
  }
  row.non_detect.disabled = !of?.is_average;
}

function limitOf({ row, more }: Entry): Written {
  const out: Written = {
    parameter: row.parameter.value,
    unit: row.unit.value.trim() || "mg/L",
    direction: row.direction.value,
    statistic: row.statistic.value,
  };
  const key = statistic(row.statistic.value)?.argument?.key;
  if (!row.value.disabled) out.value = numeric(row.value.value);
  if (row.outfall.value.trim()) out.outfall = row.outfall.value;
  if (key !== undefined) out[key] = numeric(row.number.value);
  if (row.months.value.trim())
    out.months = row.months.value
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(numeric);
  if (!row.non_detect.disabled) out.non_detect = row.non_detect.value;
  if (row.action.value.trim()) out.action = row.action.value;
  for (const field of MORE_FIELDS) {
    const input = more.inputs[field];
    const value = input.disabled ? undefined : written(field, input.value);
    if (value !== undefined) out[field] = value;
  }
  return out;
}

function problem(input: Input, reason: string): void {
  clearProblem(input);
  const text = h("span", { class: "field-problem", id: id("problem"), text: reason });
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", text.id);
  input.after(text);
}

function clearProblem(input: HTMLElement): void {
  const described = input.getAttribute("aria-describedby");
  if (input.getAttribute("aria-invalid") !== "true") return;
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
  if (described) document.getElementById(described)?.remove();
}
