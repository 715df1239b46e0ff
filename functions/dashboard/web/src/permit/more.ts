// Fields that few limits need: below their limit, hidden until then.

import { h, hidden, id } from "../dom";
import { choicesOf, MORE, MORE_FIELDS, type More, type MoreField, type Written } from "./words";

export type MoreInputs = Record<MoreField, HTMLInputElement | HTMLSelectElement>;

export interface MoreRow {
  inputs: MoreInputs;
  element: HTMLTableRowElement;
  button: HTMLButtonElement;
  open: (is: boolean) => void;
  number: (of: number) => void;
}

export function moreRow(limit: Written, columns: number): MoreRow {
  const inputs = Object.fromEntries(
    MORE_FIELDS.map((field) => [field, input(MORE[field], limit[field])]),
  ) as MoreInputs;
  const numbers: HTMLElement[] = [];
  const fields = MORE_FIELDS.map((field) => {
    const number = hidden("");
    numbers.push(number);
    inputs[field].id = id("more");
    const label = h("label", { for: inputs[field].id }, MORE[field].title, number);
    return h("div", { class: "field" }, label, inputs[field]);
  });
  const element = h(
    "tr",
    { class: "more", id: id("more"), hidden: true },
    h("td", { colspan: columns }, h("div", { class: "more-fields" }, ...fields)),
  );
  const button = h("button", { type: "button", "aria-controls": element.id, text: "More" });
  const open = (is: boolean) => {
    element.hidden = !is;
    button.setAttribute("aria-expanded", String(is));
  };
  button.addEventListener("click", () => open(element.hidden !== false));
  // A limit's unusual fields must not be hidden.
  open(MORE_FIELDS.some((field) => written(field, inputs[field].value) !== undefined));
  const number = (of: number) => {
    for (const one of numbers) one.textContent = ` ${of}`;
    button.setAttribute("aria-label", `More about limit ${of}`);
  };
  return { inputs, element, button, open, number };
}

function input(more: More, value: unknown): HTMLInputElement | HTMLSelectElement {
  const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
  const choices = choicesOf(more);
  if (choices) {
    const options = Object.entries(choices);
    return h(
      "select",
      {},
      ...options.map(([key, label]) => h("option", { value: key, text: label, selected: key === text })),
    );
  }
  const type = more.kind === "date" || more.kind === "number" ? more.kind : "text";
  const placeholder = more.kind === "date" ? undefined : more.usual;
  return h("input", {
    type,
    value: text,
    step: type === "number" ? "any" : undefined,
    placeholder,
    autocomplete: "off",
  });
}

/** A text that is not a number is sent unchanged: the server's error says what it expects. */
export function numeric(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** A field in the server's format; undefined for the default. */
export function written(field: MoreField, text: string): unknown {
  const { kind }: More = MORE[field];
  if (text.trim() === "") return undefined;
  if (kind === "number") return numeric(text);
  if (kind === "numbers")
    return text
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(numeric);
  return text;
}
