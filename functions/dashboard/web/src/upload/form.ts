// The upload form: files that are dropped or chosen, their site, and how strictly their rows are treated.

import { fill, h, id } from "../dom";
import { counted, sizeText } from "../format";
import { site } from "../model";
import type { Wanted } from "./job";

export interface UploadForm {
  element: HTMLElement;
  /** Whether the user who just sent files is still in the form. */
  hasFocus: () => boolean;
}

/** More names than this are shown as a number. */
const MOST_NAMES = 5;

/** `send` is called with the files to upload; `said` is shown below the form. */
export function uploadForm(send: (wanted: Wanted[]) => void, said: HTMLElement): UploadForm {
  let chosen: File[] = [];
  const ids = { file: id("file"), site: id("site"), strict: id("strict"), hint: id("hint") };
  const file = h("input", {
    id: ids.file,
    type: "file",
    multiple: true,
    accept: ".csv,.tsv,.txt,.gz,text/csv,text/tab-separated-values,application/gzip",
    "aria-describedby": ids.hint,
  });
  const siteName = h("input", { id: ids.site, type: "text", value: site(), required: true, autocomplete: "off" });
  const strict = h("input", { id: ids.strict, type: "checkbox" });
  const picked = h("p", { class: "picked", "aria-live": "polite" });
  const submit = h("button", { type: "submit", class: "primary", text: "Upload", disabled: true });
  const hint =
    "Choose files or drop them here: tidy, wide, or an EPA ECHO effluent chart; comma, semicolon or tab; plain or gzip.";
  const zone = h(
    "div",
    { class: "dropzone", data: { testid: "dropzone" } },
    h("label", { for: ids.file, text: "CSV files" }),
    file,
    h("p", { id: ids.hint, class: "quiet", text: hint }),
    picked,
  );
  const element = h(
    "form",
    { class: "card upload" },
    zone,
    siteField(ids.site, siteName),
    h("label", { class: "check", for: ids.strict }, strict, "Refuse the whole file if one row is bad"),
    h("div", { class: "actions" }, submit),
    said,
  );

  const choose = (next: File[]) => {
    chosen = next;
    submit.disabled = chosen.length === 0;
    fill(picked, ...pickedText(chosen));
  };
  file.addEventListener("change", () => choose([...(file.files ?? [])]));
  dropInto(zone, (files) => {
    if (files.length > 0) choose(files);
  });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (chosen.length === 0) return;
    const about = { site: siteName.value.trim(), strict: strict.checked, again: false };
    const wanted = chosen.map((one) => ({ file: one, ...about }));
    // A second press must not send them twice.
    file.value = "";
    choose([]);
    send(wanted);
  });
  return { element, hasFocus: () => document.activeElement === submit };
}

function siteField(inputId: string, input: HTMLElement): HTMLElement {
  const hint = "For rows that name no site, and in place of the permit number of an effluent chart.";
  return h(
    "div",
    { class: "field" },
    h("label", { for: inputId, text: "Site of the readings" }),
    input,
    h("p", { class: "quiet", text: hint }),
  );
}

function pickedText(files: File[]): (HTMLElement | string)[] {
  const [only, ...others] = files;
  if (!only) return [];
  if (others.length === 0) return [h("bdi", { text: only.name }), ` (${sizeText(only.size)})`];
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const named = files.slice(0, MOST_NAMES).map((file) => h("bdi", { text: file.name }));
  const list = named.flatMap((bdi, index) => [index > 0 ? ", " : "", bdi]);
  const more = files.length > MOST_NAMES ? " and others" : "";
  return [`${counted(files.length, "file")}, ${sizeText(size)}: `, ...list, more];
}

function dropInto(zone: HTMLElement, choose: (files: File[]) => void): void {
  // Entering a child leaves its parent, so the depth of the pointer is counted.
  let depth = 0;
  const over = (by: number) => {
    depth = Math.max(0, depth + by);
    zone.classList.toggle("over", depth > 0);
  };
  zone.addEventListener("dragenter", (event) => {
    event.preventDefault();
    over(1);
  });
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("dragleave", () => over(-1));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    choose([...(event.dataTransfer?.files ?? [])]);
  });
}
