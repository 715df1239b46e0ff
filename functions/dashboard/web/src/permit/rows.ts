// The limits of a permit as a table of inputs, and back.

import { fill, h, hidden, id } from "../dom";
import { statisticText } from "../format";
import type { Limit } from "../types";
import { DIRECTIONS, type Field, NON_DETECTS, STATISTICS, TITLES, type Written } from "./words";

const FIELDS = Object.keys(TITLES) as Field[];

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
type Row = Record<Field, Input>;

export class LimitRows {
  readonly table: HTMLElement;
  readonly #body = h("tbody");
  #rows: { row: Row; element: HTMLTableRowElement }[] = [];

  constructor(readonly changed: () => void) {
    const heads = FIELDS.map((field) => h("th", { scope: "col", text: TITLES[field] }));
    this.table = h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Limits, scrollable" },
      h(
        "table",
        { "aria-label": "Limits", class: "limits" },
        h("thead", {}, h("tr", {}, ...heads, h("td", {}, hidden("Remove")))),
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
    this.#append({ parameter: "", value: Number.NaN, unit: "mg/L", direction: "max", statistic: "instant" });
    this.changed();
    this.#rows.at(-1)?.row.parameter.focus();
  }

  get(): Written[] {
    return this.#rows.map(({ row }) => limitOf(row));
  }

  /** Shows what the server says of `limits[2].value`. Returns what belongs to no input. */
  problems(fields: { field: string; reason: string }[]): string[] {
    const rest: string[] = [];
    let first: Input | null = null;
    for (const { field, reason } of fields) {
      const [, index, key] = /^limits\[(\d+)\]\.?(\w*)$/.exec(field) ?? [];
      const row = index === undefined ? undefined : this.#rows[Number(index)]?.row;
      const input = row?.[(key || "parameter") as Field];
      if (input) {
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
    for (const { row } of this.#rows) for (const input of Object.values(row)) clearProblem(input);
  }

  #append(limit: Limit): void {
    const row = inputs(limit);
    const remove = h("button", { type: "button", class: "square", text: "×" });
    const element = h(
      "tr",
      {},
      ...FIELDS.map((field) => h("td", { class: `field-${field}` }, row[field])),
      h("td", {}, remove),
    );
    const entry = { row, element };
    remove.addEventListener("click", () => {
      const index = this.#rows.indexOf(entry);
      this.#rows.splice(index, 1);
      element.remove();
      this.#number();
      this.changed();
      (this.#rows[index] ?? this.#rows[index - 1])?.row.parameter.focus();
    });
    row.statistic.addEventListener("change", () => adapt(row));
    adapt(row);
    this.#rows.push(entry);
    this.#body.append(element);
    this.#number();
  }

  #number(): void {
    this.#rows.forEach(({ row, element }, index) => {
      for (const field of FIELDS) row[field].setAttribute("aria-label", `${TITLES[field]} ${index + 1}`);
      const remove = element.querySelector("button");
      remove?.setAttribute("aria-label", `Remove limit ${index + 1}`);
      remove?.setAttribute("title", `Remove limit ${index + 1}`);
    });
  }
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
  const statistics = Object.fromEntries(
    STATISTICS.map((one) => [one, one === "rolling_mean" ? "rolling mean" : statisticText(one)]),
  );
  return {
    parameter: text(limit.parameter, 16, { required: true }),
    outfall: text(limit.outfall ?? "", 5, { placeholder: "all" }),
    statistic: select(statistics, limit.statistic),
    n: h("input", { type: "number", min: 2, max: 10_000, step: 1, value: limit.n ?? "", size: 4 }),
    direction: select(DIRECTIONS, limit.direction),
    value: h("input", {
      type: "number",
      min: 0,
      step: "any",
      value: Number.isNaN(limit.value) ? "" : limit.value,
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

/** Fields that a statistic has no use for cannot be filled in. */
function adapt(row: Row): void {
  const statistic = row.statistic.value;
  row.n.disabled = statistic !== "rolling_mean";
  if (!row.n.disabled && row.n.value === "") row.n.value = "3";
  row.non_detect.disabled = ["instant", "daily_max", "daily_min", "as_reported"].includes(statistic);
}

/** What does not read as a number is sent as it is: the server says what it expects. */
function number(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function limitOf(row: Row): Written {
  const out: Written = {
    parameter: row.parameter.value,
    value: number(row.value.value),
    unit: row.unit.value.trim() || "mg/L",
    direction: row.direction.value,
    statistic: row.statistic.value,
  };
  if (row.outfall.value.trim()) out.outfall = row.outfall.value;
  if (!row.n.disabled) out.n = number(row.n.value);
  if (row.months.value.trim())
    out.months = row.months.value
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(number);
  if (!row.non_detect.disabled) out.non_detect = row.non_detect.value;
  if (row.action.value.trim()) out.action = row.action.value;
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
