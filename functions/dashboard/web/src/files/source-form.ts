// The settings of a source.

import { ApiError, submit } from "../api";
import { fill, h, id } from "../dom";
import { site } from "../model";
import { failed } from "../states";
import type { Source } from "../types";

/** `done` is called with the name of the source once it is set. */
export function sourceForm(done: (source: string) => void): HTMLElement {
  const kind = h(
    "select",
    {},
    h("option", { value: "echo", text: "EPA's effluent charts" }),
    h("option", { value: "address", text: "A file at an address" }),
  );
  const text = (attributes: Record<string, unknown> = {}) =>
    h("input", { type: "text", autocomplete: "off", ...attributes });
  const fields = {
    kind: field("Kind", kind),
    permit: field("NPDES permit", text({ placeholder: "TX0119407", required: true })),
    url: field(
      "Address",
      text({ inputmode: "url", placeholder: "https://lab.example.com/results.csv", required: true }),
    ),
    name: field("Name", text({ required: true }), "Letters, digits, dots, dashes and underscores."),
    site: field("Site", text({ value: site() }), "Of rows that name none. The schedule goes by its clock."),
    schedule: field(
      "Schedule",
      text({ value: "0 6 * * *", required: true }),
      "Minute, hour, day of month, month, day of week: 0 6 * * * is each day at six, 0 6 5 * * the fifth of each month.",
    ),
    secret: field("Secret", text(), "The name of one that the installation holds, if the server wants one."),
  };
  const problem = h("div");
  const button = h("button", { type: "submit", class: "primary", text: "Set the source" });
  const form = h(
    "form",
    { class: "source-form" },
    ...Object.values(fields).map(({ element }) => element),
    problem,
    h("div", { class: "actions" }, button),
  );

  function choose(): void {
    const isEpa = kind.value === "echo";
    for (const [one, isShown] of [
      [fields.permit, isEpa],
      [fields.url, !isEpa],
    ] as const) {
      one.element.hidden = !isShown;
      one.input.disabled = !isShown;
    }
  }

  async function set(): Promise<void> {
    const given = (one: Field) => (one.input.disabled ? null : one.input.value.trim() || null);
    const source = given(fields.name) ?? "";
    for (const one of Object.values(fields)) one.complain("");
    fill(problem);
    button.disabled = true;
    try {
      await submit<Source>("PUT", `/api/sources/${encodeURIComponent(source)}`, {
        kind: kind.value,
        permit: given(fields.permit),
        url: given(fields.url),
        site: given(fields.site),
        schedule: given(fields.schedule) ?? "",
        secret: given(fields.secret),
      });
      form.reset();
      choose();
      done(source);
    } catch (error) {
      const wrong = error instanceof ApiError ? error.fields : [];
      const known = wrong.filter(({ field: of }) => of in fields);
      for (const { field: of, reason } of known) fields[of as keyof typeof fields].complain(reason);
      const first = known[0];
      if (first) fields[first.field as keyof typeof fields].input.focus();
      else fill(problem, failed(error));
    } finally {
      button.disabled = false;
    }
  }

  kind.addEventListener("change", choose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void set();
  });
  choose();
  return form;
}

interface Field {
  element: HTMLElement;
  input: HTMLInputElement | HTMLSelectElement;
  /** Shows an error; clears it if the text is empty. */
  complain: (reason: string) => void;
}

function field(label: string, input: HTMLInputElement | HTMLSelectElement, hint = ""): Field {
  const ids = { input: id("source"), hint: id("hint"), wrong: id("wrong") };
  const wrong = h("p", { id: ids.wrong, class: "problem", role: "alert", hidden: true });
  input.id = ids.input;
  input.setAttribute("aria-describedby", hint === "" ? ids.wrong : `${ids.hint} ${ids.wrong}`);
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: ids.input, text: label }),
    input,
    hint !== "" && h("p", { id: ids.hint, class: "quiet", text: hint }),
    wrong,
  );
  const complain = (reason: string) => {
    wrong.textContent = reason;
    wrong.hidden = reason === "";
    input.setAttribute("aria-invalid", String(reason !== ""));
  };
  return { element, input, complain };
}
